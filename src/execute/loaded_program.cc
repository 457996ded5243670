#include "execute/loaded_program.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "base/error.h"
#include "execute/torch_values.h"

namespace drtriton {
namespace {

// The node values whose sizes sum to at most the budget, results first; views are counted as if they were copies.
std::unordered_set<ValueId> ValuesWithin(const Program& program, int64_t budget_bytes) {
  std::unordered_set<ValueId> kept;
  const auto take = [&](ValueId id) {
    if (kept.contains(id) || program.value(id).Bytes() > budget_bytes) return;
    budget_bytes -= program.value(id).Bytes();
    kept.insert(id);
  };
  for (const ValueId id : program.Results()) take(id);
  for (const Node& node : program.nodes) {
    for (const ValueId id : node.outputs) if (id >= 0) take(id);
  }
  return kept;
}

bool SameBits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || !a.sizes().equals(b.sizes())) return false;
  if (a.numel() == 0) return true;
  const at::Tensor left = a.contiguous().view({-1}).view(at::kByte), right = b.contiguous().view({-1}).view(at::kByte);
  return at::equal(left, right);
}

Comparison Difference(std::string code, std::string reason) {
  Comparison comparison;
  comparison.right = false;
  comparison.code = std::move(code);
  comparison.reason = std::move(reason);
  return comparison;
}

}  // namespace

LoadedProgram::LoadedProgram(const Evaluator& evaluator, Program program, const std::filesystem::path& tensors, uint64_t seed, int64_t budget_bytes)
    : evaluator_(evaluator), program_(std::move(program)), path_(tensors), file_(tensors), seed_(seed) {
  ApplyContext(program_.context);
  for (const ValueId id : program_.Leaves()) {
    const Value& value = program_.value(id);
    const StoredTensor* stored = file_.Find(value.name);
    if (stored == nullptr) throw UserError(path_.string() + " has no tensor " + value.name);
    if (stored->shape != value.shape || stored->dtype != value.dtype) throw UserError(path_.string() + ": tensor " + value.name + " does not fit the program");
    leaves_[id] = WithStrides(Wrap(*stored).to(evaluator_.device()), value.strides);
  }
  EvaluateOptions options;
  options.keep = ValuesWithin(program_, budget_bytes);
  for (const ValueId id : program_.Results()) options.keep.insert(id);
  const std::unordered_set<ValueId> random = RandomValues(program_);
  options.keep.insert(random.begin(), random.end());
  at::manual_seed(seed_);
  values_ = evaluator_.Evaluate(program_, leaves_, options);
  for (const ValueId id : random) random_[id] = values_.at(id);
}

TensorMap LoadedProgram::Values(const std::vector<ValueId>& ids) {
  TensorMap found;
  EvaluateOptions options;
  for (const ValueId id : ids) {
    if (leaves_.contains(id)) found[id] = leaves_.at(id);
    else if (values_.contains(id)) found[id] = values_.at(id);
    else options.keep.insert(id);
  }
  options.replace = &random_;
  if (!options.keep.empty()) found.merge(evaluator_.Evaluate(program_, leaves_, options));
  return found;
}

std::vector<LoadedProgram::Named> LoadedProgram::NamedResults() const {
  std::vector<Named> named;
  const std::vector<ValueId> results = program_.result.Values();
  for (size_t i = 0; i < results.size(); ++i) named.push_back({"result:" + std::to_string(i), results[i]});
  for (size_t i = 0; i < program_.mutations.size(); ++i) named.push_back({"mutation:" + std::to_string(i), program_.mutations[i].value});
  return named;
}

const Expected& LoadedProgram::ExpectedOf(ValueId id) {
  if (!whole_) {
    Fragment fragment = WholeProgram(program_);
    TensorMap own;
    for (size_t i = 0; i < fragment.parent_inputs.size(); ++i) own[fragment.Inputs()[i]] = leaves_.at(fragment.parent_inputs[i]);
    whole_ = std::make_unique<Problem>(evaluator_, std::move(fragment), std::move(own), seed_, &nothing_);
  }
  const InputSet& set = whole_->Set(0);
  const auto& results = whole_->fragment().parent_results;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i] == id) return set.results[i];
  }
  throw InternalError("value " + program_.value(id).name + " is no result of the program");
}

Comparison LoadedProgram::CompareOne(const Named& named, const StoredTensor& stored, bool exact_first) {
  const Value& value = program_.value(named.value);
  if (stored.dtype != value.dtype) return Difference("wrong_result_dtype", named.name + " is " + std::string(Name(stored.dtype)) + ", not " + std::string(Name(value.dtype)));
  if (stored.shape != value.shape) return Difference("wrong_result_shape", named.name + " has another shape");
  const at::Tensor candidate = Wrap(stored).to(evaluator_.device());
  if (exact_first && SameBits(candidate, Values({named.value}).at(named.value))) return {};
  Comparison comparison = Compare(ExpectedOf(named.value), candidate);
  if (!comparison.right) comparison.reason = named.name + ": " + comparison.reason;
  return comparison;
}

Comparison LoadedProgram::CompareFile(const std::filesystem::path& tensors, bool exact_first) {
  const c10::InferenceMode inference;
  ApplyContext(program_.context);
  const TensorFile other(tensors);
  Comparison worst;
  for (const Named& named : NamedResults()) {
    const StoredTensor* stored = other.Find(named.name);
    if (stored == nullptr) return Difference("wrong_result_count", tensors.string() + " has no " + named.name);
    Comparison comparison = CompareOne(named, *stored, exact_first);
    if (!comparison.right) return comparison;
    worst.rel_err = std::max(worst.rel_err, comparison.rel_err);
    worst.ref_rel_err = std::max(worst.ref_rel_err, comparison.ref_rel_err);
  }
  whole_.reset();
  return worst;
}

}  // namespace drtriton
