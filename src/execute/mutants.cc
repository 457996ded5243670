// Tested by mutants_test.cc.
#include "execute/mutants.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "execute/mutant_rules.h"
#include "execute/void_changes.h"
#include "graph/base_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

using Names = std::set<std::string>;

// What an operator is swapped for: another that a candidate might have computed instead.  Arguments go over by name.
const std::multimap<std::string, std::string>& Siblings() {
  static const std::multimap<std::string, std::string> siblings = {
      {"aten.add.Tensor", "aten.sub.Tensor"}, {"aten.sub.Tensor", "aten.add.Tensor"}, {"aten.mul.Tensor", "aten.add.Tensor"}, {"aten.div.Tensor", "aten.mul.Tensor"},
      {"aten.add.Scalar", "aten.sub.Scalar"}, {"aten.sub.Scalar", "aten.add.Scalar"}, {"aten.mul.Scalar", "aten.add.Scalar"}, {"aten.div.Scalar", "aten.mul.Scalar"},
      {"aten.rsub.Scalar", "aten.sub.Scalar"}, {"aten.pow.Tensor_Scalar", "aten.mul.Scalar"}, {"aten.maximum.default", "aten.minimum.default"}, {"aten.minimum.default", "aten.maximum.default"},
      {"aten.amax.default", "aten.amin.default"}, {"aten.amin.default", "aten.amax.default"}, {"aten.max.default", "aten.min.default"}, {"aten.min.default", "aten.max.default"},
      {"aten.max.dim", "aten.min.dim"}, {"aten.min.dim", "aten.max.dim"}, {"aten.argmax.default", "aten.argmin.default"}, {"aten.argmin.default", "aten.argmax.default"},
      {"aten.sum.dim_IntList", "aten.mean.dim"}, {"aten.mean.dim", "aten.sum.dim_IntList"}, {"aten.sum.default", "aten.mean.default"}, {"aten.mean.default", "aten.sum.default"},
      {"aten.prod.default", "aten.sum.default"}, {"aten.prod.dim_int", "aten.sum.dim_IntList"}, {"aten.any.default", "aten.all.default"}, {"aten.all.default", "aten.any.default"},
      {"aten.any.dim", "aten.all.dim"}, {"aten.all.dim", "aten.any.dim"}, {"aten.var.correction", "aten.std.correction"}, {"aten.std.correction", "aten.var.correction"},
      {"aten.var.dim", "aten.std.dim"}, {"aten.std.dim", "aten.var.dim"}, {"aten.logsumexp.default", "aten.amax.default"}, {"aten.linalg_vector_norm.default", "aten.sum.dim_IntList"},
      {"aten.norm.ScalarOpt_dim", "aten.sum.dim_IntList"}, {"aten.cumsum.default", "aten.cumprod.default"}, {"aten.cumprod.default", "aten.cumsum.default"}, {"aten.cummax.default", "aten.cummin.default"},
      {"aten.cummin.default", "aten.cummax.default"}, {"aten.logcumsumexp.default", "aten.cumsum.default"}, {"aten.relu.default", "aten.gelu.default"}, {"aten.relu.default", "aten.abs.default"},
      {"aten.gelu.default", "aten.relu.default"}, {"aten.gelu.default", "aten.silu.default"}, {"aten.silu.default", "aten.sigmoid.default"}, {"aten.silu.default", "aten.relu.default"},
      {"aten.sigmoid.default", "aten.tanh.default"}, {"aten.tanh.default", "aten.sigmoid.default"}, {"aten.exp.default", "aten.expm1.default"}, {"aten.expm1.default", "aten.exp.default"},
      {"aten.log.default", "aten.log1p.default"}, {"aten.log1p.default", "aten.log.default"}, {"aten.log2.default", "aten.log.default"}, {"aten.log10.default", "aten.log.default"},
      {"aten.exp2.default", "aten.exp.default"}, {"aten.sqrt.default", "aten.rsqrt.default"}, {"aten.rsqrt.default", "aten.sqrt.default"}, {"aten.abs.default", "aten.relu.default"},
      {"aten.neg.default", "aten.abs.default"}, {"aten.sin.default", "aten.cos.default"}, {"aten.cos.default", "aten.sin.default"}, {"aten.tan.default", "aten.tanh.default"},
      {"aten.square.default", "aten.abs.default"}, {"aten.reciprocal.default", "aten.neg.default"}, {"aten.erf.default", "aten.tanh.default"}, {"aten.softplus.default", "aten.relu.default"},
      {"aten.elu.default", "aten.relu.default"}, {"aten.leaky_relu.default", "aten.relu.default"}, {"aten.hardtanh.default", "aten.tanh.default"}, {"aten.relu6.default", "aten.relu.default"},
      {"aten.hardswish.default", "aten.silu.default"}, {"aten.hardsigmoid.default", "aten.sigmoid.default"}, {"aten.mish.default", "aten.silu.default"}, {"aten.selu.default", "aten.relu.default"},
      {"aten.celu.default", "aten.relu.default"}, {"aten.floor.default", "aten.ceil.default"}, {"aten.ceil.default", "aten.floor.default"}, {"aten.round.default", "aten.floor.default"},
      {"aten.trunc.default", "aten.floor.default"}, {"aten.sign.default", "aten.tanh.default"}, {"aten.lt.Tensor", "aten.le.Tensor"}, {"aten.le.Tensor", "aten.lt.Tensor"},
      {"aten.gt.Tensor", "aten.ge.Tensor"}, {"aten.ge.Tensor", "aten.gt.Tensor"}, {"aten.eq.Tensor", "aten.ne.Tensor"}, {"aten.ne.Tensor", "aten.eq.Tensor"},
      {"aten.lt.Scalar", "aten.le.Scalar"}, {"aten.le.Scalar", "aten.lt.Scalar"}, {"aten.gt.Scalar", "aten.ge.Scalar"}, {"aten.ge.Scalar", "aten.gt.Scalar"},
      {"aten.eq.Scalar", "aten.ne.Scalar"}, {"aten.ne.Scalar", "aten.eq.Scalar"}, {"aten.lt.Tensor", "aten.gt.Tensor"}, {"aten.gt.Tensor", "aten.lt.Tensor"},
      {"aten.logical_and.default", "aten.logical_or.default"}, {"aten.logical_or.default", "aten.logical_and.default"}, {"aten.logical_xor.default", "aten.logical_or.default"},
      {"aten.bitwise_and.Tensor", "aten.bitwise_or.Tensor"}, {"aten.bitwise_or.Tensor", "aten.bitwise_and.Tensor"}, {"aten.bitwise_xor.Tensor", "aten.bitwise_or.Tensor"},
      {"aten.softmax.int", "aten.log_softmax.int"}, {"aten.log_softmax.int", "aten.softmax.int"}, {"aten.tril.default", "aten.triu.default"}, {"aten.triu.default", "aten.tril.default"},
      {"aten.max_pool1d.default", "aten.avg_pool1d.default"}, {"aten.max_pool2d.default", "aten.avg_pool2d.default"}, {"aten.max_pool3d.default", "aten.avg_pool3d.default"},
      {"aten.avg_pool1d.default", "aten.max_pool1d.default"}, {"aten.avg_pool2d.default", "aten.max_pool2d.default"}, {"aten.avg_pool3d.default", "aten.max_pool3d.default"},
      {"aten.clamp_min.default", "aten.clamp_max.default"}, {"aten.clamp_max.default", "aten.clamp_min.default"}, {"aten.fmod.Tensor", "aten.remainder.Tensor"},
      {"aten.remainder.Tensor", "aten.fmod.Tensor"}, {"aten.fmod.Scalar", "aten.remainder.Scalar"}, {"aten.remainder.Scalar", "aten.fmod.Scalar"}};
  return siblings;
}

// Arguments that say nothing about values, or that shapes follow from.
const Names kNeutral = {"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking", "copy", "implicit", "size", "sorted", "stable", "cudnn_enabled", "momentum", "half_to_float",
                        "out_dtype", "enable_gqa", "benchmark", "deterministic", "cudnn_enable", "allow_tf32", "sparse", "scale_grad_by_freq", "padding_idx", "keepdim", "training", "train", "use_input_stats",
                        "normalized_shape", "output_size", "transposed", "groups", "num_groups", "dropout_p", "generator", "inplace", "max_norm", "recompute_scale_factor", "scale_factors", "sparse_grad", "output_padding"};

// Operands of equal shape may be exchanged with effect.
bool OrderMatters(const std::string& base) {
  static const Names kOrdered = {"sub", "div", "matmul", "mm", "bmm", "pow", "where", "cat", "stack", "atan2", "floor_divide", "remainder", "fmod", "lt", "le", "gt", "ge", "rsub", "copysign", "xlogy"};
  return kOrdered.contains(base);
}

std::string Text(const Attr& attr) {
  std::ostringstream text;
  if (attr.Is<double>()) text << attr.AsDouble();
  else if (attr.Is<bool>()) text << (attr.AsBool() ? "True" : "False");
  else if (attr.Is<int64_t>()) text << attr.AsInt();
  else if (attr.Is<std::string>()) text << attr.AsString();
  else if (attr.IsNone()) text << "None";
  else if (attr.IsValue()) text << "tensor";
  else if (attr.Is<AttrList>()) {
    for (const Attr& item : attr.AsList()) text << (text.tellp() > 0 ? ", " : "[") << Text(item);
    text << "]";
  }
  return text.str();
}

class Maker {
 public:
  explicit Maker(const Program& program) : program_(program), rules_(program), users_(program.Users()) {}

  std::vector<Mutant> Make() {
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      node_ = static_cast<int32_t>(i);
      if (!IsMutable()) continue;
      Drop();
      Swap();
      Exchange();
      ChangeArguments();
    }
    return std::move(mutants_);
  }

 private:
  const Node& node() const { return program_.nodes[static_cast<size_t>(node_)]; }

  bool IsMutable() const {
    const OperatorInfo* info = FindOperator(node().op);
    if (info == nullptr) return true;   // dropped at most
    return !info->glue && info->kind != OpKind::kRandom && info->kind != OpKind::kCreation;
  }

  // Adds the mutant when its results have the forms of the original's.
  void Add(Node replacement, std::string change) {
    replacement.outputs = node().outputs;
    if (!Fits(replacement) || IsVoidChange(program_, users_, node(), replacement)) return;
    for (const Mutant& mutant : mutants_) {
      if (mutant.node == node_ && mutant.replacement.op == replacement.op && mutant.replacement.args == replacement.args) return;
    }
    Mutant mutant{node_, std::move(replacement), std::move(change), ""};
    mutant.rule = rules_.Find(mutant);
    mutants_.push_back(std::move(mutant));
  }

  bool Fits(const Node& replacement) const {
    try {
      const std::vector<InferredValue> inferred = InferOutputs(program_, replacement);
      for (size_t i = 0; i < node().outputs.size(); ++i) {
        if (node().outputs[i] < 0) continue;
        const Value& value = program_.value(node().outputs[i]);
        if (i >= inferred.size() || inferred[i].dtype != value.dtype || inferred[i].shape != value.shape) return false;
      }
      return true;
    } catch (const UserError&) {
      return false;
    } catch (const InternalError&) {
      return false;
    }
  }

  // In place of the result: a tensor operand as it is, expanded, or cast.
  void Drop() {
    if (node().outputs.size() != 1 && FindOperator(node().op) == nullptr) return;
    const std::string base = BaseName(node().op);
    if (base == "to" || base == "_to_copy") return;   // rounding alone: the contract sets floats free
    std::set<ValueId> seen;
    for (const ValueId id : node().Inputs()) {
      if (!seen.insert(id).second || node().outputs.size() != 1 || node().outputs[0] < 0) continue;
      const Value& source = program_.value(id);
      const Value& result = program_.value(node().outputs[0]);
      const std::string change = base + " dropped" + (id == node().Inputs().front() ? "" : ", its operand " + source.name + " kept");
      if (source.kind != ValueKind::kInput && source.kind != ValueKind::kNode) continue;   // a weight in place of a result
      if (source.dtype == result.dtype && source.shape == result.shape) {
        Add({"aten.alias.default", {ValueRef{id}}, {}, "aten::alias(Tensor(a) self) -> Tensor(a)"}, change);
      } else if (source.dtype == result.dtype) {
        Add({"aten.expand.default", {ValueRef{id}, Attr::Ints(result.shape), false}, {}, "aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)"}, change + ", expanded");
      } else if (source.shape == result.shape) {
        Add({"aten._to_copy.default", {ValueRef{id}, result.dtype, Attr(), Attr(), Attr(), false, Attr()}, {},
             "aten::_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, MemoryFormat? memory_format=None) -> Tensor"},
            change + ", cast");
      }
    }
  }

  void Swap() {
    const auto [begin, end] = Siblings().equal_range(node().op);
    for (auto sibling = begin; sibling != end; ++sibling) {
      const OperatorInfo* info = FindOperator(sibling->second);
      if (info == nullptr) continue;
      Node replacement;
      replacement.op = info->name;
      replacement.schema = info->schema_text;
      for (const SchemaArgument& argument : info->schema.arguments) {
        const int at = SchemaOf(node()).Find(argument.name);
        if (at >= 0 && static_cast<size_t>(at) < node().args.size()) replacement.args.push_back(node().args[static_cast<size_t>(at)]);
        else replacement.args.push_back(argument.default_value.value_or(Attr()));
      }
      Add(std::move(replacement), BaseName(node().op) + " -> " + BaseName(info->name));
    }
  }

  // The first two tensors, or the first two of a list, in the other order.
  void Exchange() {
    if (!OrderMatters(BaseName(node().op))) return;
    Node replacement = node();
    AttrList* args = &replacement.args;
    if (!args->empty() && args->front().Is<AttrList>()) {
      AttrList items = args->front().AsList();
      if (items.size() < 2 || items[0] == items[1]) return;
      std::swap(items[0], items[1]);
      args->front() = Attr(std::move(items));
    } else {
      std::vector<size_t> tensors;
      for (size_t i = 0; i < args->size(); ++i) {
        if ((*args)[i].IsValue() && program_.value((*args)[i].AsValue()).dtype != DType::kBool) tensors.push_back(i);
      }
      if (tensors.size() < 2 || (*args)[tensors[0]] == (*args)[tensors[1]]) return;
      std::swap((*args)[tensors[0]], (*args)[tensors[1]]);
    }
    Add(std::move(replacement), BaseName(node().op) + ": operands exchanged");
  }

  void ChangeArguments() {
    const OperatorInfo* info = FindOperator(node().op);
    if (info == nullptr) return;
    for (size_t i = 0; i < node().args.size() && i < info->schema.arguments.size(); ++i) {
      const SchemaArgument& argument = info->schema.arguments[i];
      if (kNeutral.contains(argument.name)) continue;
      for (Attr& changed : Changed(node().args[i], argument)) {
        Node replacement = node();
        if (IsSameDims(node().args[i], changed, argument.name)) continue;
        const std::string text = argument.name + ": " + Text(node().args[i]) + " -> " + Text(changed);
        replacement.args[i] = std::move(changed);
        Add(std::move(replacement), BaseName(node().op) + " " + text);
      }
    }
  }

  // Dimensions by other names: counted from the end, or listed in another order where the order says nothing.
  bool IsSameDims(const Attr& before, const Attr& after, const std::string& name) const {
    static const Names kDims = {"dim", "dim0", "dim1", "dims", "dimension", "axis", "axis0", "axis1"};
    static const Names kOrdered = {"permute", "movedim", "rot90", "roll", "tensordot"};
    const bool lists = (before.Is<AttrList>() || before.Is<int64_t>()) && (after.Is<AttrList>() || after.Is<int64_t>());
    if (!kDims.contains(name) || !lists || node().Inputs().empty()) return false;
    const int64_t rank = std::max<int64_t>(1, static_cast<int64_t>(program_.value(node().Inputs().front()).shape.size()));
    const auto positions = [&](const Attr& attr) {
      std::vector<int64_t> dims = attr.AsInts();
      for (int64_t& dim : dims) dim = ((dim % rank) + rank) % rank;
      if (!kOrdered.contains(BaseName(node().op))) std::sort(dims.begin(), dims.end());
      return dims;
    };
    return positions(before) == positions(after);
  }

  // Other values for one argument; which of them fit, inference tells.
  std::vector<Attr> Changed(const Attr& attr, const SchemaArgument& argument) const {
    if (BaseName(node().op) == "copysign" && attr.IsNumber()) return {Attr(attr.AsDouble() == 0 ? -1.0 : -attr.AsDouble())};   // its sign alone is read
    if (attr.IsValue()) return argument.is_optional ? std::vector<Attr>{Attr()} : std::vector<Attr>{};
    if (attr.Is<bool>()) return {Attr(!attr.AsBool())};
    if (attr.Is<double>()) return {Attr(ChangedNumber(attr.AsDouble(), argument.name))};
    if (attr.Is<int64_t>()) return ChangedInteger(attr.AsInt(), argument);
    if (attr.Is<std::string>()) return ChangedText(attr.AsString());
    if (attr.Is<AttrList>() && !attr.AsList().empty() && attr.AsList()[0].Is<int64_t>()) return ChangedList(attr.AsInts(), argument.name);
    return {};
  }

  static double ChangedNumber(double number, const std::string& name) {
    if (name.find("eps") != std::string::npos) return number == 0 ? 1e-3 : number < 1e-8 ? 1e-6 : number * 10;
    if (!std::isfinite(number)) return 0;
    return number == 0 ? 1 : number * 1.25;
  }

  static std::vector<Attr> ChangedInteger(int64_t number, const SchemaArgument& argument) {
    if (argument.name == "dim" || argument.name == "axis") return {Attr(number + 1), Attr(number - 1)};
    if (argument.name == "diagonal" || argument.name == "correction") return {Attr(number + 1), Attr(number - 1)};
    return {Attr(number + 1)};
  }

  static std::vector<Attr> ChangedText(const std::string& text) {
    static const std::multimap<std::string, std::string> others = {{"none", "tanh"}, {"tanh", "none"}, {"floor", "trunc"}, {"trunc", "floor"}, {"constant", "reflect"}, {"reflect", "replicate"}, {"replicate", "reflect"}};
    std::vector<Attr> changed;
    for (auto [at, end] = others.equal_range(text); at != end; ++at) changed.emplace_back(at->second);
    return changed;
  }

  // One more at one place, or the first two exchanged (dimensions, shifts, padding of two sides).
  static std::vector<Attr> ChangedList(const std::vector<int64_t>& list, const std::string& name) {
    std::vector<Attr> changed;
    for (size_t i = 0; i < list.size(); ++i) {
      for (const int64_t step : {int64_t{1}, int64_t{-1}}) {
        std::vector<int64_t> other = list;
        other[i] += step;
        changed.push_back(Attr::Ints(other));
      }
      if (i == 3) break;
    }
    if (list.size() >= 2 && list[0] != list[1] && name != "dim") {
      std::vector<int64_t> other = list;
      std::swap(other[0], other[1]);
      changed.push_back(Attr::Ints(other));
    }
    return changed;
  }

  const Program& program_;
  MutantRules rules_;
  std::vector<std::vector<int32_t>> users_;
  int32_t node_ = -1;
  std::vector<Mutant> mutants_;
};

}  // namespace

std::vector<Mutant> MakeMutants(const Program& program) { return Maker(program).Make(); }

Program WithMutant(const Program& program, const Mutant& mutant) {
  Program changed = program;
  changed.nodes[static_cast<size_t>(mutant.node)] = mutant.replacement;
  return changed;
}

}  // namespace drtriton
