// The flow of one conversion, stage by stage; every stage is somebody else's room.
#include "cli/conversion.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/seconds.h"
#include "base/versions.h"
#include "bench/clock.h"
#include "cli/clock_timer.h"
#include "cli/kept_conversion.h"
#include "compile/farm.h"
#include "emit/emit.h"
#include "execute/tensor_file.h"
#include "import/importer.h"
#include "report/report.h"
#include "rewrite/rewriting_proposer.h"
#include "search/interpreter_cost.h"
#include "search/search.h"
#include "search/split_views.h"
#include "store/store.h"
#include "templates/shrink.h"
#include "templates/templates.h"
#include "verify/verifier.h"

namespace drtriton {
namespace {

// Without a GPU a fragment is judged at its own sizes if the interpreter needs at most this long for one run.
constexpr double kInterpreterSeconds = 0.5;
// Sampling of eager, torch.compile and ours at the end, and all that comes behind the search (torch.compile's compilation
// for the most part).
constexpr double kFinalTimingSeconds = 4.0;
constexpr double kFinalSeconds = 13.0;
// An answer of the clock where torch.compile times kernels of its own, with several processes that compile.
constexpr double kThoroughSeconds = 900;
constexpr int kThoroughThreads = 8;
// torch.compile works on the module while the search goes on, unless the module's values need more memory than this.
constexpr double kPreparedBytes = 4.0 * (1ll << 30);
// Candidates compiled at once, all forked by one process.  Judging on one GPU takes no more, and each fork holds 60 MB.
const int kForks = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u));
// The whole emitted module is run under the interpreter if that takes at most this long.
constexpr double kInterpretedCheckSeconds = 8.0;

class Conversion {
 public:
  explicit Conversion(const ConvertArguments& arguments)
      : arguments_(arguments), budget_(arguments.budget_s), scratch_("drtriton-convert") {
    output_ = arguments.output;
    if (output_.empty()) output_ = arguments.module.parent_path() / (arguments.module.stem().string() + "_triton.py");
  }

  ExitStatus Run() {
    std::error_code missing;
    if (std::filesystem::equivalent(output_, arguments_.module, missing)) {
      throw UserError(output_.string() + ": the output would overwrite the module");
    }
    for (const std::filesystem::path& path : {output_, arguments_.report}) {
      if (!path.empty()) RequireWritable(path);
    }
    if (!arguments_.json.empty() && arguments_.json != "-") RequireWritable(arguments_.json);
    importer_->Warm();
    executor_ = MakeExecutor(arguments_.device, arguments_.seed);
    gpu_ = executor_->device_name() != "interpreter";
    ClockOptions final_clock = OptionsOfClock();
    if (arguments_.max_autotune) {
      final_clock.timeout_s = kThoroughSeconds;
      final_clock.compile_threads = kThoroughThreads;
    }
    clock_.emplace(final_clock);
    search_clock_.emplace(OptionsOfClock());
    if (gpu_) StartProcesses();
    Stage("import", [this] { Import(); });
    FillReport();
    key_ = ConversionKey(arguments_, imported_.program, imported_.source, executor_->device_name());
    if (std::optional<KeptConversion> kept = FindConversion(store_, key_)) return GiveBack(*kept);
    if (std::optional<std::string> difference = Staged("check import", [this] { return LoadAndCheck(); })) {
      return Refuse("the imported program does not give the module's own values: " + *difference);
    }
    Stage("search", [this] { SearchBest(); });
    FillFindings();
    if (!found_.refused.empty()) {
      return Refuse((found_.interrupted ? "interrupted; " : "") + ("no verified kernel covers " + found_.refused.front()));
    }
    if (!found_.composition.HasKernels()) return Refuse(WhyNothing());
    Stage("write", [this] { Emit(); });
    std::string failure = Staged("check", [this] { return Check(); });
    if (!failure.empty()) return Refuse(failure);
    if (gpu_ && !Interrupted()) Stage("time", [this] { Time(); });
    if (gpu_ && !arguments_.keep && !Faster()) return Refuse("nothing faster than eager PyTorch was found");
    return Accept();
  }

 private:
  template <typename Function>
  auto Staged(const char* name, Function function) -> decltype(function()) {
    SetProgress(std::string(name) + " ...");
    auto start = std::chrono::steady_clock::now();
    auto result = function();
    double seconds = SecondsSince(start);
    report_.stages.push_back({name, seconds});
    ClearProgress();
    char line[96];
    std::snprintf(line, sizeof line, "%-13s %6.1f s", name, seconds);
    Info(line);
    return result;
  }

  void Stage(const char* name, const std::function<void()>& function) {
    Staged(name, [&] {
      function();
      return 0;
    });
  }

  // What the search and the check will need starts during the import: their Python imports PyTorch meanwhile.
  void StartProcesses() {
    clock_->Warm();
    search_clock_->Warm();
    StartFarm();
  }

  void StartFarm() {
    if (!farm_) farm_.emplace(executor_->device(), FarmOptions{.workers = kForks, .forks_of_one = kForks});
  }

  void Import() {
    ImportOptions options{.device = gpu_ ? "cuda" : "cpu", .training = arguments_.training, .seed = arguments_.seed};
    imported_ = importer_->Import(arguments_.module, options, scratch_.path());
    importer_.reset();
    imported_.program = SplitViews(imported_.program);
    emit_.module_source = imported_.source;
    emit_.module_name = arguments_.module.filename().string();
    EmbedConstants();
    emit_.device = executor_->device();
    emit_.untimed = !gpu_;
  }

  // Tensors that forward() makes from literals travel inside the written file.
  void EmbedConstants() {
    const std::filesystem::path& path = imported_.tensors.empty() ? imported_.reduced_tensors : imported_.tensors;
    if (path.empty()) return;
    TensorFile file(path);
    for (const Value& value : imported_.program.values) {
      const StoredTensor* stored = value.kind == ValueKind::kConstant ? file.Find(value.name) : nullptr;
      if (stored == nullptr || stored->shape != value.shape || !IsContiguous(stored->shape, stored->strides)) continue;
      emit_.constants[value.name] = {stored->dtype, stored->shape,
                                     std::string(reinterpret_cast<const char*>(stored->bytes.data()), stored->bytes.size())};
    }
  }

  std::optional<std::string> LoadAndCheck() {
    if (imported_.reduced) {
      executor_->LoadProgram(imported_.reduced_program, imported_.reduced_tensors);
    } else {
      executor_->LoadProgram(imported_.program, imported_.tensors);
    }
    return executor_->CheckAgainstModule();
  }

  void SearchBest() {
    StartFarm();
    if (gpu_) search_clock_->Prepare(/*compile=*/false);
    if (gpu_ && Bytes(imported_.program) < kPreparedBytes) clock_->Prepare(/*compile=*/true);
    Verifier verifier(*farm_, *executor_, &store_);
    TemplateProposer templates;
    RewritingProposer rewriting(templates);
    const Proposer* proposer = &templates;
    if (arguments_.rewrites) proposer = &rewriting;
    DeviceSpec device = executor_->device();
    device.split_fp32 = arguments_.split_fp32;
    ClockTimer timer(*search_clock_, emit_, scratch_.path());
    SearchOptions options{.strict = arguments_.strict, .timed = gpu_, .seed = arguments_.seed};
    if (!gpu_) options.shrink = [this](const Fragment& fragment) { return AtInterpreterSize(fragment); };
    Budget budget(SearchSeconds());
    found_ = Search(imported_.program, {proposer}, verifier, device, gpu_ ? &timer : nullptr, budget,
                    options);
    farm_.reset();
    search_clock_.reset();
  }

  static double Bytes(const Program& program) {
    double bytes = 0;
    for (const Value& value : program.values) bytes += static_cast<double>(value.Bytes());
    return bytes;
  }

  // What the import left of the budget, less what checking and timing the result will take.
  double SearchSeconds() const { return std::max(budget_.Left() - (gpu_ ? kFinalSeconds : 0), 0.25 * budget_.seconds()); }

  // A fragment that the interpreter runs in good time.  nullopt: it is one already, with the module's own values.
  std::optional<Fragment> AtInterpreterSize(const Fragment& fragment) const {
    bool large = InterpreterSeconds(fragment.program) > kInterpreterSeconds;
    if (!large && !imported_.reduced) return std::nullopt;
    Fragment judged = large ? Reduced(fragment) : fragment;
    judged.parent_inputs.clear();   // the module was not run at these sizes, so its own values are not there
    return judged;
  }

  static Fragment Reduced(const Fragment& fragment) {
    for (int64_t elements : {1 << 17, 1 << 15, 1 << 13}) {
      std::optional<Fragment> small = Shrink(fragment, elements);
      if (small && InterpreterSeconds(small->program) <= kInterpreterSeconds) return *small;
    }
    return fragment;   // no consistent smaller one: it takes as long as it takes
  }

  ClockOptions OptionsOfClock() const {
    return {.module = arguments_.module,
            .device = gpu_ ? "cuda" : "cpu",
            .training = arguments_.training,
            .seed = arguments_.seed};
  }

  void Emit() {
    emit_.reduced_shapes = found_.reduced;
    emitted_ = EmitModule(found_.composition, emit_);
    emitted_path_ = scratch_.path() / output_.filename();
    WriteFileAtomically(emitted_path_, emitted_);
  }

  // Empty: the file gives the module's results in a fresh Python process, or that was too long to try here.
  std::string Check() {
    if (!gpu_ && (imported_.reduced || InterpreterSeconds(imported_.program) > kInterpretedCheckSeconds)) return "";
    std::filesystem::path results = scratch_.path() / "check.tensors";
    CheckReport check = clock_->Check(emitted_path_, results);
    if (!check.ran) return "the written module failed when called: " + check.failure;
    if (!check.fast_path) return "the written module fell back to PyTorch on the inputs it was made for";
    report_.final_check = executor_->CompareResults(results);
    return report_.final_check->accepted() ? "" : "the written module is wrong as a whole: " + report_.final_check->reason;
  }

  void Time() {
    Clock::TimeRequest request{.variants = {emitted_path_}, .compile = true, .wall = true, .budget_s = kFinalTimingSeconds};
    request.max_autotune = arguments_.max_autotune;
    report_.timings = clock_->Time(request);
    report_.timings.back().name = "drtriton";
    report_.timed = true;
  }

  const Timing* TimingOf(const std::string& name) const {
    for (const Timing& timing : report_.timings) {
      if (timing.name == name) return &timing;
    }
    return nullptr;
  }

  // Whether the intervals separate ours from eager.  Unknown (interrupted) counts as yes: each kernel was faster.
  bool Faster() const {
    const Timing* ours = TimingOf("drtriton");
    const Timing* eager = TimingOf("eager");
    if (ours == nullptr || eager == nullptr || !eager->device_ms) return true;
    if (!ours->device_ms) return false;
    return *ours->device_ms + ours->device_ci_ms.value_or(0) < *eager->device_ms - eager->device_ci_ms.value_or(0);
  }

  std::string WhyNothing() const {
    for (const RegionSummary& region : report_.regions) {
      if (!region.why.empty()) return "no kernel was kept; " + region.name + ": " + region.why;
    }
    return found_.interrupted ? "interrupted before any kernel was verified" : "no template covers any of its operators";
  }

  void FillReport() {
    report_.module_path = arguments_.module.string();
    report_.device_name = executor_->device_name();
    report_.device = executor_->device();
    report_.mode = arguments_.training ? "train" : "eval";
    report_.strict = arguments_.strict;
    report_.seed = arguments_.seed;
    report_.versions = {
        {"drtriton", DRTRITON_VERSION}, {"torch", DRTRITON_TORCH_VERSION}, {"triton", DRTRITON_TRITON_VERSION}};
    report_.composition.program = imported_.program;
  }

  void FillFindings() {
    report_.interrupted = found_.interrupted;
    report_.composition = found_.composition;
    report_.regions = found_.regions;
    for (const auto& [key, record] : found_.fragments) {
      report_.tried.insert(report_.tried.end(), record.attempts.begin(), record.attempts.end());
    }
  }

  ExitStatus Refuse(const std::string& reason) {
    report_.outcome = "Not converted: " + reason + ".";
    CompleteReport();
    WriteReports(ReportJson(report_).dump(1) + "\n", ReportHtml(report_));
    Warn("not converted: " + reason);
    return ExitStatus::kNo;
  }

  ExitStatus Accept() {
    report_.written = true;
    report_.output_path = output_.string();
    report_.outcome = Summary();
    CompleteReport();
    KeptConversion made{emitted_, report_.outcome, ReportJson(report_).dump(1) + "\n", ReportHtml(report_)};
    if (!found_.interrupted) KeepConversion(store_, key_, made);
    return Deliver(made);
  }

  // The same conversion was made before: its file and its report, with this run's path.
  ExitStatus GiveBack(KeptConversion& kept) {
    Json report = Json::parse(kept.json);
    report["module"] = arguments_.module.string();
    report["output"] = output_.string();
    kept.json = report.dump(1) + "\n";
    Info("converted before; taken from the store");
    return Deliver(kept);
  }

  ExitStatus Deliver(const KeptConversion& conversion) {
    WriteFileAtomically(output_, conversion.emitted);
    WriteReports(conversion.json, conversion.html);
    if (arguments_.json != "-") std::printf("%s\n%s\n", output_.c_str(), conversion.outcome.c_str());
    return ExitStatus::kOk;
  }

  std::string Summary() const {
    size_t kernels = 0;
    size_t vendor = 0;
    for (const CompositionStep& step : found_.composition.steps) {
      if (const auto* kernel = std::get_if<KernelStep>(&step)) kernels += kernel->plan.kernels.size();
      if (const auto* torch = std::get_if<TorchStep>(&step)) vendor += torch->why != "view";
    }
    auto counted = [](size_t count, const char* noun) {
      return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
    };
    std::string text = "Verified: " + counted(kernels, "Triton kernel") + ", " + counted(vendor, "operator") + " kept in PyTorch";
    const Timing* ours = TimingOf("drtriton");
    if (ours == nullptr || !ours->device_ms) return text + (found_.reduced ? "; untimed, at reduced shapes." : "; untimed.");
    char line[128];
    std::snprintf(line, sizeof line, "; %.4f ms", *ours->device_ms);
    text += line;
    for (const char* rival : {"eager", "torch.compile", "torch.compile max-autotune-no-cudagraphs"}) {
      const Timing* timing = TimingOf(rival);
      if (timing == nullptr || !timing->device_ms) continue;
      std::snprintf(line, sizeof line, ", %.2fx %s", *timing->device_ms / *ours->device_ms, rival);
      text += line;
    }
    return text + ".";
  }

  void CompleteReport() {
    report_.reduced_shapes = found_.reduced || imported_.reduced;
    report_.seconds = budget_.Used();
  }

  void WriteReports(const std::string& json, const std::string& html) {
    if (!arguments_.report.empty()) WriteFileAtomically(arguments_.report, html);
    if (arguments_.json.empty()) return;
    if (arguments_.json == "-") {
      std::fwrite(json.data(), 1, json.size(), stdout);
    } else {
      WriteFileAtomically(arguments_.json, json);
    }
  }

  const ConvertArguments& arguments_;
  Budget budget_;
  ScratchFolder scratch_;
  Store store_ = Store::OpenDefault();
  std::string key_;   // of this conversion in the store
  std::filesystem::path output_;
  std::optional<Importer> importer_{std::in_place};   // until the module is imported
  std::unique_ptr<Executor> executor_;
  bool gpu_ = false;
  std::optional<Clock> clock_;   // for the final check and timing: a process of their own
  std::optional<Clock> search_clock_;
  std::optional<CompileFarm> farm_;
  ImportedModule imported_;
  EmitOptions emit_;
  SearchResult found_;
  std::string emitted_;
  std::filesystem::path emitted_path_;
  ConversionReport report_;
};

}  // namespace

ExitStatus Convert(const ConvertArguments& arguments) { return Conversion(arguments).Run(); }

}  // namespace drtriton
