#include "execute/reference_session.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/seconds.h"
#include "execute/cpu_operators.h"
#include "execute/power.h"
#include "execute/torch_values.h"
#include "graph/leaf_fill_json.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

// Without a GPU the whole host may use 3 GiB beside the module's own tensors, float64 temporaries included.
constexpr int64_t kHostBudgetBytes = int64_t{384} << 20;

// What choosing inputs by mutants may take for each problem, by an estimate; `bench power` takes as long as it needs.
constexpr double kPowerSecondsOnGpu = 0.06, kPowerSecondsOnCpu = 0.3;

// Making one input set takes longer than this only on a CPU.
constexpr double kSlowSeconds = 2;

Json Failure(const std::string& kind, const std::string& reason) { return {{"error", {{"kind", kind}, {"reason", reason}}}}; }

Json ToJson(const Comparison& comparison) {
  return {{"right", comparison.right},
          {"code", comparison.code},
          {"reason", comparison.reason},
          {"rel_err", comparison.rel_err},
          {"ref_rel_err", comparison.ref_rel_err}};
}

Json Wrong(const std::string& code, const std::string& reason) {
  return {{"right", false}, {"code", code}, {"reason", reason}, {"rel_err", 0.0}, {"ref_rel_err", 0.0}};
}

void Accumulate(const Comparison& one, Comparison* all) {
  all->rel_err = std::max(all->rel_err, one.rel_err);
  all->ref_rel_err = std::max(all->ref_rel_err, one.ref_rel_err);
}

at::Tensor Bytes(const at::Tensor& tensor) { return tensor.contiguous().view({-1}).view(at::kByte); }

// Whether the element of a candidate's result holds nothing but the poison byte.
bool IsPoison(const at::Tensor& result, int64_t element, uint8_t poison) {
  if (element < 0 || result.numel() == 0 || result.is_complex()) return false;
  return (Bytes(result.contiguous().view({-1}).narrow(0, element, 1)) == poison).all().item<bool>();
}

// All results of one run against one input set.
Json CompareResultsOf(const InputSet& set, const std::vector<at::Tensor>& results, int poison) {
  Comparison all;
  for (size_t i = 0; i < results.size(); ++i) {
    Comparison one = Compare(set.results[i], results[i]);
    Accumulate(one, &all);
    if (one.right) continue;
    if (poison >= 0 && IsPoison(results[i], one.element, static_cast<uint8_t>(poison))) one.code = "unwritten";
    one.reason = "result " + std::to_string(i) + ", inputs \"" + set.name + "\": " + one.reason;
    return ToJson(one);
  }
  return ToJson(all);
}

std::string Text(const Shape& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

// Strides matter only where a dimension has more than one element.
bool SameStrides(const Shape& shape, const Shape& a, const Shape& b) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1 && a[i] != b[i]) return ElementCount(shape) == 0;
  }
  return true;
}

// Why results with these shapes, dtypes and strides cannot be the fragment's.
std::optional<Json> Misfit(const Program& program, const std::vector<ValueId>& results, const std::vector<TensorView>& views) {
  const auto misfit = [](const char* code, const std::string& reason) { return Json{{"misfit", {{"code", code}, {"reason", reason}}}}; };
  if (views.size() != results.size()) {
    return misfit("wrong_result_count", "the launcher returns " + std::to_string(views.size()) + " results, " + std::to_string(results.size()) + " are needed");
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const Value& value = program.value(results[i]);
    const std::string which = "result " + std::to_string(i) + " is ";
    if (views[i].shape != value.shape) return misfit("wrong_result_shape", which + Text(views[i].shape) + ", not " + Text(value.shape));
    if (views[i].dtype != value.dtype) return misfit("wrong_result_dtype", which + std::string(Name(views[i].dtype)) + ", not " + std::string(Name(value.dtype)));
    if (!SameStrides(value.shape, views[i].strides, value.strides)) return misfit("wrong_result_strides", which + "strided " + Text(views[i].strides) + ", not " + Text(value.strides));
  }
  return std::nullopt;
}

}  // namespace

ReferenceSession::ReferenceSession(at::Device device, int sharers, const std::filesystem::path& gate)
    : gate_(device.is_cuda() ? gate : ""), evaluator_(device, [this] { GiveWay(); }), budget_{device.is_cuda() ? TotalMemoryBytes() / 4 / sharers : kHostBudgetBytes, 0} {}

void ReferenceSession::GiveWay() {
  if (!shares_gate_ || !gate_.IsWanted()) return;
  Synchronize();
  gate_.Leave();
  gate_.Share();
}

Json ReferenceSession::HandleInGate(const Json& request) {
  const std::string command = request.at("cmd").get<std::string>();
  const auto handler = Handlers().find(command);
  if (handler == Handlers().end()) throw InternalError("unknown request to the reference process");
  if (command.starts_with("time_")) return (this->*handler->second)(request);
  const SharedGate shared(gate_);
  shares_gate_ = !command.starts_with("ready_");   // a capture must not be interrupted
  try {
    Json reply = (this->*handler->second)(request);
    if (evaluator_.device().is_cuda()) Synchronize();   // nothing of ours runs once the gate is left
    shares_gate_ = false;
    return reply;
  } catch (...) {
    shares_gate_ = false;
    throw;
  }
}

const std::map<std::string, ReferenceSession::Handler>& ReferenceSession::Handlers() {
  static const std::map<std::string, Handler> handlers = {
      {"load", &ReferenceSession::Load},           {"check_module", &ReferenceSession::CheckModule},
      {"compare_results", &ReferenceSession::CompareResults}, {"prepare", &ReferenceSession::Prepare},
      {"power", &ReferenceSession::Power},
      {"release", &ReferenceSession::Release},     {"write_inputs", &ReferenceSession::WriteInputs},
      {"compare_file", &ReferenceSession::CompareFile}, {"attach", &ReferenceSession::Attach},
      {"detach", &ReferenceSession::Detach},       {"plan", &ReferenceSession::UsePlan},
      {"place", &ReferenceSession::Place},         {"steps", &ReferenceSession::Steps},
      {"compare", &ReferenceSession::ComparePlan}, {"remember", &ReferenceSession::Remember},
      {"same", &ReferenceSession::Same},           {"ready_eager", &ReferenceSession::ReadyEager},
      {"time_eager", &ReferenceSession::TimeEager}, {"ready_steps", &ReferenceSession::ReadySteps},
      {"time_steps", &ReferenceSession::TimeSteps}, {"trim", &ReferenceSession::Trim}};
  return handlers;
}

Json ReferenceSession::Handle(const Json& request) {
  try {
    const c10::InferenceMode inference;
    return HandleInGate(request);
  } catch (const EvaluationError& error) {
    return Failure(error.out_of_memory() ? "memory" : IsBroken() ? "sticky" : "user", error.what());
  } catch (const c10::OutOfMemoryError&) {
    if (evaluator_.device().is_cuda()) TrimMemory();
    return Failure("memory", "the GPU has too little memory for the reference");
  } catch (const std::bad_alloc&) {
    return Failure("memory", "this machine has too little memory for the reference");
  } catch (const UserError& error) {
    return Failure("user", error.what());
  } catch (const c10::Error& error) {
    return Failure(IsBroken() ? "sticky" : "internal", error.what_without_backtrace());
  } catch (const std::exception& error) {
    return Failure("internal", error.what());
  }
}

bool ReferenceSession::IsBroken() const { return evaluator_.device().is_cuda() && !ContextWorks(); }

LoadedProgram& ReferenceSession::Loaded() {
  Require(loaded_ != nullptr, "no program was loaded into the reference process");
  return *loaded_;
}

Problem& ReferenceSession::ProblemOf(const Json& request) { return *problems_.at(request.at("problem").get<int>()); }

Json ReferenceSession::Load(const Json& request) {
  problems_.clear();
  problem_ = nullptr;
  eager_.reset();
  eager_problem_ = -1;
  timed_steps_.clear();
  loaded_.reset();
  loaded_ = std::make_unique<LoadedProgram>(evaluator_, ProgramFromJson(request.at("program")), request.at("tensors").get<std::string>(),
                                            request.at("seed").get<uint64_t>(), budget_.limit_bytes);
  return Json::object();
}

Json ReferenceSession::CheckModule(const Json&) {
  const Comparison comparison = Loaded().CompareFile(Loaded().tensors_path(), /*exact_first=*/true);
  return {{"difference", comparison.right ? Json(nullptr) : Json(comparison.reason)}};
}

Json ReferenceSession::CompareResults(const Json& request) {
  return ToJson(Loaded().CompareFile(request.at("tensors").get<std::string>(), /*exact_first=*/false));
}

// Chooses further inputs where mutants ask for them, and says which ones pass all the same.
void ReferenceSession::AddWeakMutants(Problem& problem, std::vector<std::string>* weak) const {
  const Program& program = problem.fragment().program;
  const std::vector<Mutant> mutants = MakeMutants(program);
  const auto outcomes = MeasurePower(problem, mutants, {.estimated_seconds = evaluator_.device().is_cuda() ? kPowerSecondsOnGpu : kPowerSecondsOnCpu});
  for (std::string& sentence : DescribeSurvivors(program, mutants, outcomes)) weak->push_back(std::move(sentence));
}

Json ReferenceSession::Prepare(const Json& request) {
  Fragment fragment;
  fragment.program = ProgramFromJson(request.at("fragment"));
  fragment.parent_inputs = request.at("parent_inputs").get<std::vector<ValueId>>();
  fragment.parent_results = request.at("parent_results").get<std::vector<ValueId>>();
  fragment.fills = LeafFillsFromJson(request.at("fills"));
  ApplyContext(fragment.program.context);
  TensorMap own;
  if (!fragment.parent_inputs.empty()) {
    const TensorMap values = Loaded().Values(fragment.parent_inputs);
    for (size_t i = 0; i < fragment.parent_inputs.size(); ++i) own[fragment.Inputs().at(i)] = values.at(fragment.parent_inputs[i]);
  }
  auto problem = std::make_unique<Problem>(evaluator_, std::move(fragment), std::move(own), request.at("seed").get<uint64_t>(), &budget_);
  const auto begin = std::chrono::steady_clock::now();
  problem->Set(0);
  const double seconds = SecondsSince(begin);
  problem->DropFailingSets(/*thrifty=*/seconds > kSlowSeconds);
  std::vector<std::string> weak = problem->FindWeakResults();
  AddWeakMutants(*problem, &weak);
  const int id = next_problem_++;
  const Json reply = {{"problem", id}, {"sets", problem->set_names()}, {"weak", weak}, {"slow", seconds > kSlowSeconds}, {"seconds", seconds}, {"on_cpu", OperatorsOnCpu()}};
  problems_[id] = std::move(problem);
  return reply;
}

Json ReferenceSession::Power(const Json& request) {
  static constexpr const char* kOutcomes[] = {"rejected", "survived", "unusable", "untried", "void"};
  Problem& problem = ProblemOf(request);
  const Program& program = problem.fragment().program;
  ApplyContext(program.context);
  const std::vector<Mutant> mutants = MakeMutants(program);
  const auto outcomes = MeasurePower(problem, mutants, {.seconds = request.at("seconds").get<double>()});
  Json list = Json::array();
  for (size_t i = 0; i < mutants.size(); ++i) {
    list.push_back({{"node", program.nodes[static_cast<size_t>(mutants[i].node)].op}, {"change", mutants[i].change}, {"rule", mutants[i].rule},
                    {"outcome", kOutcomes[static_cast<size_t>(outcomes[i].kind)]}, {"set", outcomes[i].set}});
  }
  return {{"mutants", list}, {"sets", problem.set_names()}};
}

Json ReferenceSession::Release(const Json& request) {
  const int id = request.at("problem").get<int>();
  const auto found = problems_.find(id);
  if (found == problems_.end()) return Json::object();
  if (problem_ == found->second.get()) problem_ = nullptr;
  if (eager_problem_ == id) {
    eager_.reset();
    eager_problem_ = -1;
  }
  problems_.erase(found);
  return Json::object();
}

Json ReferenceSession::WriteInputs(const Json& request) {
  Problem& problem = ProblemOf(request);
  const InputSet& set = problem.Set(request.at("set").get<size_t>());
  std::vector<at::Tensor> storages;
  std::vector<StoredTensor> stored;
  for (size_t i = 0; i < set.inputs.size(); ++i) {
    const Value& value = problem.fragment().program.value(problem.fragment().Inputs()[i]);
    storages.push_back(ToStorage(set.inputs[i], value.strides).cpu());
    stored.push_back(ToStored("input" + std::to_string(i), storages.back(), value.shape, value.strides));
  }
  WriteTensorFile(request.at("tensors").get<std::string>(), stored);
  return Json::object();
}

Json ReferenceSession::CompareFile(const Json& request) {
  Problem& problem = ProblemOf(request);
  ApplyContext(problem.fragment().program.context);
  const InputSet& set = problem.Set(request.at("set").get<size_t>());
  const TensorFile file(request.at("tensors").get<std::string>());
  std::vector<TensorView> views;
  std::vector<at::Tensor> results;
  for (const StoredTensor& stored : file.tensors()) {
    views.push_back({0, stored.dtype, stored.shape, stored.strides, 0});
    results.push_back(Wrap(stored).to(evaluator_.device()));
  }
  const auto misfit = Misfit(problem.fragment().program, problem.fragment().Results(), views);
  if (misfit) return Wrong(misfit->at("misfit").at("code").get<std::string>(), misfit->at("misfit").at("reason").get<std::string>());
  return CompareResultsOf(set, results, /*poison=*/-1);
}

Json ReferenceSession::Attach(const Json& request) {
  buffers_.reset();
  buffers_ = std::make_unique<MappedBuffers>(request.at("handle").get<std::string>());
  return Json::object();
}

Json ReferenceSession::Detach(const Json&) {
  timed_steps_.clear();
  Synchronize();
  buffers_.reset();
  return Json::object();
}

Json ReferenceSession::UsePlan(const Json& request) {
  timed_steps_.clear();
  remembered_.clear();
  plan_ = LaunchPlanFromJson(request.at("plan"));
  layout_ = LayOut(plan_);
  problem_ = &ProblemOf(request);
  const Fragment& fragment = problem_->fragment();
  ApplyContext(fragment.program.context);
  for (const Buffer& buffer : plan_.buffers) {
    if (buffer.kind != BufferKind::kInput) continue;
    const size_t input = static_cast<size_t>(buffer.input);
    if (input >= fragment.Inputs().size()) return {{"misfit", {{"code", "bad_plan"}, {"reason", "the plan reads input " + std::to_string(input) + ", which does not exist"}}}};
    const Value& value = fragment.program.value(fragment.Inputs()[input]);
    if (buffer.bytes < StorageExtent(value.shape, value.strides) * ElementBytes(value.dtype)) {
      return {{"misfit", {{"code", "bad_plan"}, {"reason", "the plan's buffer for input " + std::to_string(input) + " is too small"}}}};
    }
  }
  const auto misfit = Misfit(fragment.program, fragment.Results(), plan_.results);
  return misfit ? *misfit : Json::object();
}

at::Tensor ReferenceSession::ViewOf(const TensorView& view) const {
  Require(buffers_ != nullptr, "the runner's buffers are not mapped");
  const auto& range = layout_.buffers.at(static_cast<size_t>(view.buffer));
  return buffers_->View(range.offset + view.offset * ElementBytes(view.dtype), view.shape, view.strides, ToTorch(view.dtype));
}

Json ReferenceSession::Place(const Json& request) {
  PlaceSet(request.at("set").get<size_t>());
  return Json::object();
}

void ReferenceSession::PlaceSet(size_t index) {
  const InputSet& set = problem_->Set(index);
  for (size_t i = 0; i < plan_.buffers.size(); ++i) {
    if (plan_.buffers[i].kind != BufferKind::kInput) continue;
    const size_t input = static_cast<size_t>(plan_.buffers[i].input);
    const Value& value = problem_->fragment().program.value(problem_->fragment().Inputs()[input]);
    const at::Tensor storage = ToStorage(set.inputs[input], value.strides);
    buffers_->View(layout_.buffers[i].offset, storage.sizes(), {1}, storage.scalar_type()).copy_(storage);
  }
  at::manual_seed(problem_->seed());   // vendor steps draw what the reference drew
  Synchronize();
}

void ReferenceSession::CarryOut(const PlanStep& step) {
  if (const auto* copy = std::get_if<CopyStep>(&step)) {
    ViewOf(copy->target).copy_(ViewOf(copy->source));
  } else if (const auto* fill = std::get_if<FillStep>(&step)) {
    const Attr& value = fill->value;
    ViewOf(fill->target).fill_(value.Is<double>() ? at::Scalar(value.AsDouble()) : at::Scalar(value.AsInt()));
  } else if (const auto* vendor = std::get_if<VendorStep>(&step)) {
    const auto tensor = [&](ValueId id) { return ViewOf(vendor->tensors.at(static_cast<size_t>(id))); };
    const std::vector<at::Tensor> results = evaluator_.Call(vendor->op, vendor->args, tensor, Precision::kUser);
    for (size_t i = 0; i < vendor->outputs.size(); ++i) {
      if (i < results.size() && results[i].defined()) ViewOf(vendor->outputs[i]).copy_(results[i]);
    }
  } else {
    throw InternalError("the reference process was asked to launch a kernel");
  }
}

Json ReferenceSession::Steps(const Json& request) {
  for (size_t i = request.at("first").get<size_t>(); i < request.at("last").get<size_t>(); ++i) CarryOut(plan_.steps.at(i));
  Synchronize();
  return Json::object();
}

// Inputs must be as they were placed, red zones as they were poisoned.  All are looked at in one trip to the device.
std::optional<Json> ReferenceSession::CheckMemory(const InputSet& set, uint8_t poison) {
  std::vector<at::Tensor> fine;
  std::vector<size_t> inputs;   // what the first of `fine` are about; the others are red zones
  for (size_t i = 0; i < plan_.buffers.size(); ++i) {
    if (plan_.buffers[i].kind != BufferKind::kInput) continue;
    const size_t input = static_cast<size_t>(plan_.buffers[i].input);
    const Program& program = problem_->fragment().program;
    const ValueId id = problem_->fragment().Inputs()[input];
    const bool mutated = std::any_of(program.mutations.begin(), program.mutations.end(), [&](const Mutation& m) { return m.target == id; });
    if (mutated) continue;   // what it holds afterwards is a result
    const at::Tensor storage = ToStorage(set.inputs[input], program.value(id).strides);
    if (storage.numel() == 0) continue;
    fine.push_back((Bytes(storage) == Bytes(buffers_->View(layout_.buffers[i].offset, storage.sizes(), {1}, storage.scalar_type()))).all());
    inputs.push_back(input);
  }
  for (const PlanLayout::Range& zone : layout_.red_zones) {
    if (zone.bytes > 0) fine.push_back((buffers_->View(zone.offset, {zone.bytes}, {1}, at::kByte) == poison).all());
  }
  if (fine.empty()) return std::nullopt;
  const at::Tensor facts = at::stack(fine).to(at::kCPU);
  for (size_t i = 0; i < fine.size(); ++i) {
    if (facts.const_data_ptr<bool>()[i]) continue;
    if (i >= inputs.size()) return Wrong("illegal_access", "a kernel wrote past the end of a buffer");
    const Value& value = problem_->fragment().program.value(problem_->fragment().Inputs()[inputs[i]]);
    return Wrong("wrong_mutation", "the kernels changed input " + std::to_string(inputs[i]) + " (" + value.name + ")");
  }
  return std::nullopt;
}

Json ReferenceSession::ComparePlan(const Json& request) {
  const InputSet& set = problem_->Set(request.at("set").get<size_t>());
  const auto poison = request.at("poison").get<uint8_t>();
  if (const auto wrong = CheckMemory(set, poison)) return *wrong;
  std::vector<at::Tensor> results;
  for (const TensorView& view : plan_.results) results.push_back(ViewOf(view));
  Json comparison = CompareResultsOf(set, results, poison);
  if (comparison.at("right").get<bool>()) {
    if (request.value("remember", false)) Remember(Json::object());
    if (request.contains("place")) PlaceSet(request["place"].get<size_t>());
  }
  return comparison;
}

Json ReferenceSession::Remember(const Json& request) {
  remembered_.clear();
  if (request.contains("tensors")) {
    const TensorFile file(request.at("tensors").get<std::string>());
    for (const StoredTensor& stored : file.tensors()) remembered_.push_back(Wrap(stored).to(evaluator_.device()));
    return Json::object();
  }
  for (const TensorView& view : plan_.results) remembered_.push_back(ViewOf(view).clone());
  return Json::object();
}

Json ReferenceSession::Same(const Json&) {
  for (size_t i = 0; i < plan_.results.size(); ++i) {
    const at::Tensor before = Bytes(remembered_.at(i)), now = Bytes(ViewOf(plan_.results[i]));
    if (before.sizes() != now.sizes()) return {{"same", false}, {"reason", "result " + std::to_string(i) + " has another size"}};
    if (before.numel() == 0 || at::equal(before, now)) continue;
    const int64_t differing = (before != now).sum().item<int64_t>();
    return {{"same", false}, {"reason", "result " + std::to_string(i) + " differs in " + std::to_string(differing) + " bytes"}};
  }
  return {{"same", true}};
}

TimedWork& ReferenceSession::EagerOf(const Json& request) {
  const int id = request.at("problem").get<int>();
  Problem& problem = ProblemOf(request);
  if (eager_problem_ == id) return *eager_;
  eager_.reset();
  ApplyContext(problem.fragment().program.context);
  TensorMap leaves;
  const InputSet& set = problem.Set(0);
  for (size_t i = 0; i < set.inputs.size(); ++i) leaves[problem.fragment().Inputs()[i]] = set.inputs[i];
  eager_ = std::make_unique<TimedWork>([this, &problem, leaves] {
    const TensorMap values = evaluator_.Evaluate(problem.fragment().program, leaves, {});
    std::vector<at::Tensor> results;
    for (const auto& [value, tensor] : values) results.push_back(tensor);
    return results;
  });
  eager_problem_ = id;
  return *eager_;
}

Json ReferenceSession::ReadyEager(const Json& request) {
  EagerOf(request);
  return Json::object();
}

Json ReferenceSession::TimeEager(const Json& request) {
  TimedWork& eager = EagerOf(request);
  return {{"times_ms", eager.Time(request.at("count").get<int>())}, {"captured", eager.captured()}};
}

TimedWork& ReferenceSession::StepsOf(const Json& request) {
  const auto range = std::pair(request.at("first").get<size_t>(), request.at("last").get<size_t>());
  auto& work = timed_steps_[range];
  if (!work) {
    work = std::make_unique<TimedWork>([this, range] {
      for (size_t i = range.first; i < range.second; ++i) CarryOut(plan_.steps.at(i));
      return std::vector<at::Tensor>();
    });
  }
  return *work;
}

Json ReferenceSession::ReadySteps(const Json& request) {
  StepsOf(request);
  return Json::object();
}

Json ReferenceSession::TimeSteps(const Json& request) {
  TimedWork& steps = StepsOf(request);
  return {{"times_ms", steps.Time(request.at("count").get<int>())}, {"captured", steps.captured()}};
}

Json ReferenceSession::Trim(const Json&) {
  TrimMemory();
  return Json::object();
}

}  // namespace drtriton
