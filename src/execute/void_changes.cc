// Tested by mutants_test.cc, which also evaluates what is void.
#include "execute/void_changes.h"

#include <algorithm>
#include <set>
#include <string>

#include "graph/base_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

using Names = std::set<std::string>;

const Names kReductions = {"sum", "mean", "amax", "amin", "max", "min", "prod", "logsumexp"};
const Names kScans = {"cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"};
const Names kOrders = {"flip", "roll", "sort", "argsort", "topk", "argmax", "argmin"};
const Names kMoves = {"rot90", "swapaxes", "swapdims", "numpy_T", "mT", "t", "transpose", "permute", "movedim"};
const Names kParts = {"slice", "narrow", "split", "chunk", "split_with_sizes"};
const Names kMakers = {"zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "new_zeros", "new_ones", "new_full"};

constexpr const char* kScales[] = {"scale_factors", "scales", "scales_h", "scales_w", "scales_d"};

class Change {
 public:
  Change(const Program& program, const std::vector<std::vector<int32_t>>& users, const Node& before, const Node& after)
      : program_(program), users_(users), before_(before), after_(after), old_base_(BaseName(before.op)), new_base_(BaseName(after.op)), operand_(program.value(before.Inputs().front())),
        drops_(after.op == "aten.alias.default" && after.args[0] == before.args[0]), expands_(after.op == "aten.expand.default" && after.args[0] == before.args[0]) {
    if (before.op != after.op) return;
    const Schema& schema = SchemaOf(before);
    for (size_t i = 0; i < before.args.size() && i < schema.arguments.size(); ++i) {
      if (before.args[i] == after.args[i]) continue;
      argument_ = schema.arguments[i].name;
      changed_ = &after.args[i];
      original_ = &before.args[i];
    }
  }

  bool IsVoid() const { return Elements() == 0 || OfOneElement() || OfMoves() || OfParts() || OfWindows() || OfPositions() || OfResampling() || OfOneKey() || OfSwitches() || IsUnread(); }

 private:
  const Value* Result() const {
    const auto read = std::find_if(before_.outputs.begin(), before_.outputs.end(), [](ValueId id) { return id >= 0; });
    return read == before_.outputs.end() ? nullptr : &program_.value(*read);
  }
  int64_t Elements() const { return Result() == nullptr ? 0 : Result()->Elements(); }

  const Attr* Find(const char* name) const {
    const int at = SchemaOf(before_).Find(name);
    return at >= 0 && static_cast<size_t>(at) < before_.args.size() ? &before_.args[static_cast<size_t>(at)] : nullptr;
  }
  std::vector<int64_t> Ints(const char* name) const {
    const Attr* attr = Find(name);
    return attr != nullptr && (attr->Is<int64_t>() || attr->Is<AttrList>()) ? attr->AsInts() : std::vector<int64_t>{};
  }
  int64_t SizeOf(int64_t dim) const {
    const auto rank = static_cast<int64_t>(operand_.shape.size());
    return rank == 0 ? 1 : operand_.shape[static_cast<size_t>(dim < 0 ? dim + rank : dim)];
  }
  bool SameShape() const { return operand_.shape == Result()->shape; }

  // What reduces, scans or orders single elements.
  bool OfOneElement() const {
    if (kReductions.contains(old_base_) && (drops_ || kReductions.contains(new_base_)) && operand_.Elements() == Elements()) return true;
    if (operand_.Elements() == 1 && kOrders.contains(old_base_)) return true;
    const auto dims = Ints(old_base_ == "flip" || old_base_ == "roll" ? "dims" : "dim");
    const bool single = !dims.empty() && std::all_of(dims.begin(), dims.end(), [&](int64_t dim) { return SizeOf(dim) == 1; });
    if (!single || argument_ == "dim" || argument_ == "dims") return false;
    return kOrders.contains(old_base_) || (kScans.contains(old_base_) && (drops_ || kScans.contains(new_base_)));
  }

  bool OfMoves() const {
    if (kMoves.contains(old_base_) && new_base_ != old_base_ ? drops_ && SameShape() : kMoves.contains(old_base_)) {
      // At most one dimension is larger than one: whatever moves, the order stays.
      if (std::count_if(operand_.shape.begin(), operand_.shape.end(), [](int64_t size) { return size > 1; }) <= 1 && old_base_ != "rot90") return true;
    }
    if (old_base_ == "rot90") return OfTurns();
    if (old_base_ != "roll" || !drops_) return false;
    const auto shifts = Ints("shifts"), dims = Ints("dims");
    if (dims.empty()) return !shifts.empty() && operand_.Elements() > 0 && shifts[0] % operand_.Elements() == 0;
    for (size_t i = 0; i < shifts.size() && i < dims.size(); ++i) {
      if (shifts[i] % SizeOf(dims[i]) != 0) return false;
    }
    return true;
  }

  bool OfTurns() const {
    const auto times = Ints("k");
    if (times.empty() || operand_.Elements() == 1) return operand_.Elements() == 1;
    if (times[0] % 4 == 0) return drops_ || argument_ == "dims";
    return times[0] % 2 == 0 && argument_ == "dims" && IsPermuted();
  }

  bool IsPermuted() const {
    auto one = original_->AsInts(), other = changed_->AsInts();
    const auto rank = static_cast<int64_t>(operand_.shape.size());
    for (auto* list : {&one, &other}) {
      for (int64_t& dim : *list) dim = dim < 0 ? dim + rank : dim;
      std::sort(list->begin(), list->end());
    }
    return one == other;
  }

  // A part that is the whole; pieces that stay the same.
  bool OfParts() const {
    if (kParts.contains(old_base_) && drops_ && SameShape()) return true;
    if (argument_ == "step" && old_base_ == "slice") return Result()->shape[DimOfPart()] <= 1;
    if (old_base_ == "chunk" && argument_ == "chunks") {
      const int64_t size = SizeOf(Ints("dim").empty() ? 0 : Ints("dim")[0]), one = original_->AsInt(), other = changed_->AsInt();
      return one > 0 && other > 0 && (size + one - 1) / one == (size + other - 1) / other;
    }
    return old_base_ == "unfold" && argument_ == "dimension" && Ints("size") == std::vector<int64_t>{1} && Ints("step") == std::vector<int64_t>{1};
  }
  size_t DimOfPart() const {
    const auto dims = Ints("dim");
    const int64_t dim = dims.empty() ? 0 : dims[0];
    return static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(operand_.shape.size()) : dim);
  }

  // Windows of convolutions and pooling: a stride where there is one window, a dilation of one element.
  bool OfWindows() const {
    const bool pools = old_base_.find("pool") != std::string::npos, convolves = old_base_.find("conv") != std::string::npos;
    if (!pools && !convolves) return false;
    const auto padding = Ints("padding");
    if (argument_ == "count_include_pad") return std::all_of(padding.begin(), padding.end(), [](int64_t size) { return size == 0; });
    if (argument_ == "ceil_mode") return true;   // of equal shape: the last window reaches past the end in neither case
    if (argument_ != "stride" && argument_ != "dilation") return false;
    const size_t rank = Result()->shape.size(), spatial = SpatialDims(pools);
    if (spatial == 0 || spatial > rank || !changed_->Is<AttrList>() || !original_->Is<AttrList>()) return false;
    const bool transposed = old_base_.find("transpose") != std::string::npos;
    const auto one = original_->AsInts(), other = changed_->AsInts();
    for (size_t i = 0; i < spatial; ++i) {
      if (At(one, i) == At(other, i)) continue;
      const int64_t windows = transposed ? operand_.shape[rank - spatial + i] : Result()->shape[rank - spatial + i];
      if (argument_ == "stride" ? windows != 1 : Kernel(pools, i, spatial) != 1) return false;
    }
    return !one.empty();   // pooling with an empty stride takes the kernel's size
  }
  static int64_t At(const std::vector<int64_t>& list, size_t i) { return list.empty() ? -1 : list[std::min(i, list.size() - 1)]; }
  size_t SpatialDims(bool pools) const {
    if (pools) {
      for (const char* digit : {"1", "2", "3"}) if (old_base_.find(std::string(digit) + "d") != std::string::npos) return static_cast<size_t>(digit[0] - '0');
      return 0;
    }
    const Attr* weight = Find("weight");
    return weight != nullptr && weight->IsValue() ? program_.value(weight->AsValue()).shape.size() - 2 : 0;
  }
  int64_t Kernel(bool pools, size_t i, size_t spatial) const {
    if (pools) return At(Ints("kernel_size"), i);
    const Shape& shape = program_.value(Find("weight")->AsValue()).shape;
    return shape[shape.size() - spatial + i];
  }

  // The elements of a maximum's windows, or of unfolded ones, are the same all the same: what is new lies outside.
  bool OfPositions() const {
    const bool pools = old_base_.starts_with("max_pool"), folds = old_base_ == "col2im", unfolds = old_base_ == "im2col";
    static const Names kArguments = {"kernel_size", "stride", "padding", "dilation"};
    if (!(pools || folds || unfolds) || !kArguments.contains(argument_) || (argument_ == "kernel_size" && !pools)) return false;
    const size_t spatial = pools ? SpatialDims(pools) : 2, rank = operand_.shape.size();
    if (spatial == 0 || rank < spatial) return false;
    for (size_t i = 0; i < spatial; ++i) {
      const int64_t size = folds ? Ints("output_size").at(i) : operand_.shape[rank - spatial + i];
      if (Positions(before_, i, size, pools) != Positions(after_, i, size, pools)) return false;
    }
    return true;
  }

  // The positions that each window reads in one dimension; outside of it a maximum reads nothing, the others zeros.
  std::vector<std::vector<int64_t>> Positions(const Node& node, size_t i, int64_t size, bool pools) const {
    const auto number = [&](const char* name, int64_t otherwise) {
      const int at = SchemaOf(node).Find(name);
      if (at < 0 || static_cast<size_t>(at) >= node.args.size()) return otherwise;
      const Attr& attr = node.args[static_cast<size_t>(at)];
      if (!attr.Is<int64_t>() && !attr.Is<AttrList>()) return otherwise;
      const auto list = attr.AsInts();
      return list.empty() ? otherwise : At(list, i);
    };
    const int64_t kernel = number("kernel_size", 1), stride = number("stride", kernel), padding = number("padding", 0), dilation = number("dilation", 1);
    const Shape& shape = Result()->shape;
    const int64_t windows = pools ? shape[shape.size() - SpatialDims(pools) + i] : (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    std::vector<std::vector<int64_t>> positions;
    for (int64_t window = 0; window < windows; ++window) {
      std::vector<int64_t>& read = positions.emplace_back();
      for (int64_t tap = 0; tap < kernel; ++tap) {
        const int64_t position = window * stride - padding + tap * dilation;
        if (position >= 0 && position < size) read.push_back(position);
        else if (!pools) read.push_back(-1);
      }
    }
    return positions;
  }

  // Each dimension keeps its size or has one element, which is repeated.
  bool OfResampling() const {
    if (!old_base_.starts_with("upsample") || !(drops_ || expands_ || argument_ == "align_corners")) return false;
    const bool scaled = std::any_of(std::begin(kScales), std::end(kScales), [&](const char* name) { return Find(name) != nullptr && !Find(name)->IsNone(); });
    for (size_t i = 2; i < operand_.shape.size(); ++i) {
      if (operand_.shape[i] != 1 && (scaled || operand_.shape[i] != Result()->shape[i])) return false;
    }
    return true;
  }

  // Over one key attention's weights are ones, whatever the scores are.
  bool OfOneKey() const {
    if (old_base_ != "scaled_dot_product_attention" || Find("key") == nullptr || Find("value") == nullptr) return false;
    const Shape& key = program_.value(Find("key")->AsValue()).shape;
    if (key.size() < 2 || key[key.size() - 2] != 1 || (Find("attn_mask") != nullptr && !Find("attn_mask")->IsNone())) return false;
    const bool drops_out = Find("dropout_p") != nullptr && Find("dropout_p")->IsNumber() && Find("dropout_p")->AsDouble() != 0;
    return argument_ == "scale" || argument_ == "is_causal" || (!drops_out && (after_.op == "aten.alias.default" || after_.op == "aten.expand.default") && after_.args[0] == *Find("value"));
  }

  bool OfSwitches() const {
    if (old_base_ == "cross_entropy_loss" && argument_ == "ignore_index" && IsFloating(program_.value(Find("target")->AsValue()).dtype)) return true;   // probabilities
    const bool fills = argument_ == "value" || argument_ == "fill_value";
    if (fills && Result() != nullptr && Result()->dtype == DType::kBool && original_->IsNumber() && changed_->IsNumber()) return (original_->AsDouble() != 0) == (changed_->AsDouble() != 0);
    if (old_base_ == "take_along_dim" && expands_ && !Ints("dim").empty() && SizeOf(Ints("dim")[0]) == 1) return true;
    if (old_base_ == "dropout" && drops_) return true;
    if (old_base_ == "nan_to_num" && !IsFloating(operand_.dtype)) return true;
    if (old_base_ == "constant_pad_nd" && argument_ == "value") {
      const auto pad = Ints("pad");
      return std::all_of(pad.begin(), pad.end(), [](int64_t size) { return size <= 0; });
    }
    if ((old_base_ != "tril" && old_base_ != "triu") || !(drops_ || argument_ == "diagonal")) return false;
    const Shape& shape = operand_.shape;
    const int64_t rows = shape[shape.size() - 2], columns = shape.back(), diagonal = Ints("diagonal").empty() ? 0 : Ints("diagonal")[0];
    const auto is_whole = [&](int64_t from) { return old_base_ == "tril" ? from >= columns - 1 : from <= 1 - rows; };
    return is_whole(diagonal) && (drops_ || is_whole(changed_->AsInt()));
  }

  // What differs is read by nobody, or for its shape alone.
  bool IsUnread() const {
    if ((old_base_ == "var_mean" || old_base_ == "std_mean") && (argument_ == "correction" || argument_ == "unbiased")) return before_.outputs[0] < 0;
    if (before_.outputs.size() != 1) return false;
    const ValueId id = before_.outputs[0];
    const auto results = program_.Results();
    const auto& readers = users_[static_cast<size_t>(id)];
    return std::find(results.begin(), results.end(), id) == results.end() && !readers.empty() &&
           std::all_of(readers.begin(), readers.end(), [&](int32_t reader) { return kMakers.contains(BaseName(program_.nodes[static_cast<size_t>(reader)].op)); });
  }

  const Program& program_;
  const std::vector<std::vector<int32_t>>& users_;
  const Node& before_;
  const Node& after_;
  std::string old_base_, new_base_, argument_;   // `argument_`: which one differs, where the operator stays
  const Attr* original_ = nullptr;
  const Attr* changed_ = nullptr;
  const Value& operand_;   // the first
  bool drops_, expands_;   // the result is the first operand, as it is or expanded
};

}  // namespace

bool IsVoidChange(const Program& program, const std::vector<std::vector<int32_t>>& users, const Node& before, const Node& after) {
  return before.Inputs().empty() ? false : Change(program, users, before, after).IsVoid();
}

}  // namespace drtriton
