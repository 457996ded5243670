#include "graph/registry.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "graph/call.h"
#include "graph/operators.h"

namespace drtriton {
namespace {

constexpr std::array<std::string_view, kOpKindCount> kKindNames = {
    "pointwise", "reduction",   "scan",    "normalisation", "softmax", "matmul", "view", "movement",
    "creation",  "convolution", "pooling", "attention",     "loss",    "random", "other"};

// Splits "self,?mask,other" and looks the names up; empty text means every tensor.
void ResolveOperands(OperatorInfo& info) {
  const auto add = [&info](int index, bool promotes) {
    Require(index >= 0, "an operand of a table row is not an argument of its schema");
    info.operand_indices.push_back(index);
    info.operand_promotes.push_back(promotes);
  };
  if (info.operands.empty()) {
    for (size_t i = 0; i < info.schema.arguments.size(); ++i) {
      if (info.schema.arguments[i].type == ArgType::kTensor) add(static_cast<int>(i), true);
    }
    return;
  }
  std::string_view rest = info.operands;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string_view name = rest.substr(0, comma);
    const bool shape_only = name.starts_with('?');
    if (shape_only) name.remove_prefix(1);
    add(info.schema.Find(name), !shape_only);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
}

struct Table {
  std::vector<OperatorInfo> rows;
  std::unordered_map<std::string_view, const OperatorInfo*> by_name;

  Table() {
    for (auto family : {ArithmeticOperators, UnaryOperators, ReductionOperators, NormOperators, MatmulOperators,
                        ViewOperators, PartOperators, IdentityOperators, MovementOperators, RearrangementOperators,
                        LookupOperators, CreationOperators, ConvolutionOperators, LossOperators}) {
      for (OperatorSpec& spec : family()) {
        OperatorInfo info;
        static_cast<OperatorSpec&>(info) = std::move(spec);
        info.schema = ParseSchema(info.schema_text);
        info.name = info.schema.name;
        ResolveOperands(info);
        rows.push_back(std::move(info));
      }
    }
    for (const OperatorInfo& row : rows) {
      const bool is_new = by_name.emplace(row.name, &row).second;
      Require(is_new, "an operator stands in the table twice");
    }
  }
};

const Table& TheTable() {
  static const Table* const table = new Table;
  return *table;
}

// Schemas of operators outside the table, by their text; never freed, so that references stay valid.
const Schema& CachedSchema(const std::string& text) {
  static std::mutex mutex;
  static auto* const cache = new std::unordered_map<std::string, std::unique_ptr<Schema>>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Schema>& entry = (*cache)[text];
  if (!entry) {
    try {
      entry = std::make_unique<Schema>(ParseSchema(text));
    } catch (const UserError&) {
      cache->erase(text);
      throw;
    }
  }
  return *entry;
}

// Bytes of the distinct elements of a tensor: broadcast dimensions count once.
int64_t DistinctBytes(const Value& value) {
  int64_t elements = 1;
  for (size_t i = 0; i < value.shape.size(); ++i)
    elements *= value.strides[i] == 0 && value.shape[i] > 1 ? 1 : value.shape[i];
  return elements * ElementBytes(value.dtype);
}

int64_t ResultBytes(const Program& program, const Node& node) {
  int64_t bytes = 0;
  for (ValueId id : node.outputs) bytes += id >= 0 ? program.value(id).Bytes() : 0;
  return bytes;
}

double ElementsOf(const Program& program, ValueId id) { return static_cast<double>(program.value(id).Elements()); }

double FlopsByKind(OpKind kind, const Program& program, const Node& node) {
  const std::vector<ValueId> inputs = node.Inputs();
  const double read = inputs.empty() ? 0 : ElementsOf(program, inputs[0]);
  const double written = node.outputs.empty() || node.outputs[0] < 0 ? read : ElementsOf(program, node.outputs[0]);
  switch (kind) {
    case OpKind::kPointwise:
      return written;
    case OpKind::kReduction:
    case OpKind::kScan:
    case OpKind::kLoss:
      return read;
    case OpKind::kNormalisation:
      return 8 * read;
    case OpKind::kSoftmax:
      return 5 * read;
    default:
      return 0;
  }
}

}  // namespace

std::string_view Name(OpKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

const OperatorInfo* FindOperator(std::string_view op) {
  const auto& by_name = TheTable().by_name;
  const auto found = by_name.find(op);
  return found == by_name.end() ? nullptr : found->second;
}

const std::vector<OperatorInfo>& AllOperators() { return TheTable().rows; }

const Schema& SchemaOf(const Node& node) {
  if (const OperatorInfo* info = FindOperator(node.op)) return info->schema;
  if (node.schema.empty()) throw UserError("the operator " + node.op + " is unknown and comes without a schema");
  return CachedSchema(node.schema);
}

const Attr& Argument(const Node& node, std::string_view name) {
  static const Attr none;
  const Schema& schema = SchemaOf(node);
  const int found = schema.Find(name);
  if (found < 0) throw InternalError(node.op + " has no argument '" + std::string(name) + "'");
  const size_t index = static_cast<size_t>(found);
  if (index < node.args.size()) return node.args[index];
  const std::optional<Attr>& otherwise = schema.arguments[index].default_value;
  return otherwise ? *otherwise : none;
}

std::vector<InferredValue> InferOutputs(const Program& program, const Node& node) {
  const OperatorInfo* info = FindOperator(node.op);
  if (info == nullptr) throw UserError("the operator " + node.op + " has no shape rule");
  const Call call(program, node, *info);
  const std::vector<SchemaArgument>& arguments = info->schema.arguments;
  call.Expect(node.args.size() <= arguments.size(), "has too many arguments");
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool given = i < node.args.size();
    call.Expect(given || arguments[i].default_value, "argument '", arguments[i].name, "' is missing");
    call.Expect(!given || Accepts(arguments[i], node.args[i]), "argument '", arguments[i].name,
                "' is of the wrong type");
  }
  return info->infer(call);
}

double NodeFlops(const Program& program, const Node& node) {
  const OperatorInfo* info = FindOperator(node.op);
  if (info == nullptr) return 0;
  return info->flops != nullptr ? info->flops(Call(program, node, *info)) : FlopsByKind(info->kind, program, node);
}

int64_t NodeBytes(const Program& program, const Node& node) {
  const OperatorInfo* info = FindOperator(node.op);
  if (info != nullptr && info->view != nullptr && info->view(Call(program, node, *info))) return 0;
  int64_t bytes = ResultBytes(program, node);
  std::unordered_set<ValueId> seen;
  for (ValueId id : node.Inputs()) {
    const bool first = seen.empty();
    if (!seen.insert(id).second) continue;
    const int64_t whole = DistinctBytes(program.value(id));
    bytes += first && info != nullptr && info->fetches ? std::min(whole, ResultBytes(program, node)) : whole;
  }
  return bytes;
}

bool IsView(std::string_view op) {
  const OperatorInfo* info = FindOperator(op);
  return info != nullptr && info->view != nullptr;
}

std::optional<StridedView> ViewOf(const Program& program, const Node& node, size_t output) {
  const OperatorInfo* info = FindOperator(node.op);
  if (info == nullptr || info->view == nullptr) return std::nullopt;
  const std::optional<std::vector<StridedView>> views = info->view(Call(program, node, *info));
  if (!views || output >= views->size()) return std::nullopt;
  return (*views)[output];
}

bool IsRandom(const Node& node) {
  const OperatorInfo* info = FindOperator(node.op);
  if (info != nullptr && info->kind == OpKind::kRandom) {
    // Dropout is random in training only.
    const int train = info->schema.Find("train");
    if (train < 0) return true;
    const Attr& flag = Argument(node, "train");
    return !flag.Is<bool>() || flag.AsBool();
  }
  if (info != nullptr && info->schema.Find("dropout_p") >= 0) return Argument(node, "dropout_p").AsDouble() > 0;
  if (info != nullptr) return false;
  return node.schema.find("Generator") != std::string::npos || node.op.find("dropout") != std::string::npos;
}

bool IsProduct(std::string_view op) {
  const OperatorInfo* info = FindOperator(op);
  return info != nullptr &&
         (info->kind == OpKind::kMatmul || info->kind == OpKind::kConvolution || info->kind == OpKind::kAttention);
}

bool IsGlue(std::string_view op) {
  const OperatorInfo* info = FindOperator(op);
  return info != nullptr && info->glue;
}

}  // namespace drtriton
