// GpuGate: lets several processes of ours work on one GPU at once, and one measure time alone on it.
//
// Two locked files in a folder that all of them know.  Who works shares the gate; who measures holds it alone and comes
// before whoever asks to share it later, so that measuring never starves.  The kernel takes a lock away from a process
// that dies.  Work is over before the gate is left: synchronise the device first.
#ifndef DRTRITON_EXECUTE_GPU_GATE_H_
#define DRTRITON_EXECUTE_GPU_GATE_H_

#include <filesystem>

namespace drtriton {

// Where an executor works: which GPU of those visible to us, among how many executors, and the folder of their gate.
struct GpuPlace {
  int gpu = 0;
  int sharers = 1;
  std::filesystem::path gate;   // empty: one executor
};

// One thread.  At most one of Share() and Alone() at a time, each ended by Leave().
class GpuGate {
 public:
  // Makes the files where they are missing; throws UserError when it cannot.  An empty folder: nobody else is at work, and
  // nothing here does anything.
  explicit GpuGate(const std::filesystem::path& folder);
  ~GpuGate();
  GpuGate(const GpuGate&) = delete;
  GpuGate& operator=(const GpuGate&) = delete;

  void Share();
  void Alone();
  void Leave();
  // Whether somebody else waits to be alone: a long piece of work should Leave() for a moment.
  bool IsWanted() const;

 private:
  int turnstile_ = -1;   // held while waiting to be alone, and while it lasts; passed through on the way to sharing
  int room_ = -1;
  bool inside_ = false;
};

// Holds the gate for a scope.
class SharedGate {
 public:
  explicit SharedGate(GpuGate& gate) : gate_(gate) { gate_.Share(); }
  ~SharedGate() { gate_.Leave(); }
  SharedGate(const SharedGate&) = delete;
  SharedGate& operator=(const SharedGate&) = delete;

 private:
  GpuGate& gate_;
};
class AloneInGate {
 public:
  explicit AloneInGate(GpuGate& gate) : gate_(gate) { gate_.Alone(); }
  ~AloneInGate() { gate_.Leave(); }
  AloneInGate(const AloneInGate&) = delete;
  AloneInGate& operator=(const AloneInGate&) = delete;

 private:
  GpuGate& gate_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_GPU_GATE_H_
