// Every layer of docs/verdicts.md attacked, under each isolation that a host may allow.  A layer that this host does not give is
// skipped, and what was given is printed; the attacks are run by python/tests/attack_worker.py.
#include "compile/sandbox.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

struct Attack {
  const char* layer;
  const char* code;   // sets `held`
};

const Attack kAttacks[] = {
    {"clean environment", "held = 'DRTRITON_TEST_SECRET' not in os.environ"},
    {"clean environment", "held = b'DRTRITON_TEST_SECRET' not in open('/proc/self/environ', 'rb').read()"},
    {"clean environment",
     "held = all(os.readlink(f'/proc/self/fd/{fd}').startswith(('/memfd', '/dev/null', '/proc')) for fd in range(64)"
     " if os.path.lexists(f'/proc/self/fd/{fd}'))"},
    {"read-only files", "held = denied(open, '/etc/hostile', 'w')"},
    {"read-only files", "held = denied(open, '../hostile', 'w')"},
    {"read-only files", "held = denied(open, '../../hostile', 'w')"},
    {"read-only files", "held = denied(open, '/tmp/hostile', 'w') and denied(os.mkdir, '/var/tmp/hostile')"},
    {"read-only files", "held = denied(open, '/dev/shm/hostile', 'w')"},
    {"read-only files", "held = denied(os.chmod, os.path.join(library, 'helper.py'), 0o600)"},
    {"read-only files", "open('own', 'w').write('x'); held = open('own').read() == 'x'"},   // the scratch is there to be used
    {"hidden files", "held = empty('/run')"},
    {"hidden files",   // Python itself may lie in a home folder
     "held = all(unreadable(f'{home}/{name}') for home in ('/root', os.environ['HOME'])"
     " for name in ('.profile', '.bashrc', '.ssh/id_ed25519', '.gitconfig'))"},
    {"hidden files", "held = unreadable(os.path.join(module, 'secret.txt')) and unreadable(os.path.join(module, 'model.py'))"},
    {"hidden files", "held = unreadable('/etc/shadow')"},
    {"hidden files", "held = denied(os.listdir, '..') or len(os.listdir('..')) == 1"},
    {"hidden files", "held = open(os.path.join(library, 'helper.py')).read() == 'FACTOR = 2\\n'"},   // what it needs is there
    {"private scratch", "held = denied(lambda: open('full', 'wb').write(bytes(600 << 20)))"},
    {"no network", "held = denied(socket.create_connection, ('1.1.1.1', 53), 2)"},
    {"no network", "held = denied(socket.create_connection, ('127.0.0.1', port), 2)"},
    {"no devices", "held = denied(os.listdir, '/dev') or not [n for n in os.listdir('/dev') if n.startswith(('nvidia', 'sd', 'vd', 'nvme'))]"},
    {"no devices", "held = denied(open, '/dev/nvidia0', 'rb') and denied(open, '/dev/vda', 'rb') and denied(open, '/dev/mem', 'rb')"},
    {"separate processes", "held = [n for n in os.listdir('/proc') if n.isdigit()] == [str(os.getpid())]"},
    {"separate processes", "held = os.getppid() == 0"},
    {"no signals", "held = os.getppid() == 0 or denied(os.kill, os.getppid(), 0)"},
    {"no capabilities", "held = 'CapEff:\\t0000000000000000' in open('/proc/self/status').read()"},
    {"no capabilities", "held = 'NoNewPrivs:\\t1' in open('/proc/self/status').read()"},
    {"syscall filter", "held = denied(libc.ptrace, 0, 0, 0, 0)"},
    {"syscall filter", "held = denied(libc.mount, b'x', b'/', b'tmpfs', 0, 0)"},
    {"syscall filter", "held = denied(libc.unshare, 0x10000000)"},
    {"syscall filter", "held = denied(os.setsid) and denied(os.setpgid, 0, 0)"},
    {"syscall filter", "held = denied(socket.socket, socket.AF_UNIX) and denied(socket.socket, socket.AF_NETLINK)"},
    {"syscall filter", "held = denied(libc.shmget, 1234, 4096, 0o1600)"},
    {"rlimits", "held = denied(lambda: [os.dup(0) for _ in range(5000)])"},
    {"rlimits", "held = __import__('resource').getrlimit(__import__('resource').RLIMIT_CORE) == (0, 0)"},
};

// A worker of attacks as the farm would start its own.
class AttackWorker {
 public:
  explicit AttackWorker(Isolation isolation) {
    setenv("DRTRITON_TEST_SECRET", "x", 1);
    WriteFileAtomically(module_.path() / "secret.txt", "secret");
    WriteFileAtomically(module_.path() / "model.py", "secret");
    WriteFileAtomically(library_.path() / "helper.py", "FACTOR = 2\n");
    WriteFileAtomically(library_.path() / "model.py", "secret");
    fs::create_directories(folder_.path() / "scratch");
    ProcessOptions options = SandboxedWorker(isolation, {"attack_worker", folder_.path(), folder_.path() / "scratch"});
    auto module = std::find(options.command.begin(), options.command.end(), "-m");
    module = options.command.erase(module);
    *module = fs::path(std::getenv("DRTRITON_SOURCE")) / "python/tests/attack_worker.py";
    options.keep_stderr = false;
    process_ = std::make_unique<Process>(options);
    std::optional<Json> ready = process_->Receive(milliseconds(60'000));
    if (ready) layers_ = ready->at("layers").get<std::vector<std::string>>();
  }

  const std::vector<std::string>& layers() const { return layers_; }
  bool Has(const std::string& layer) const { return std::find(layers_.begin(), layers_.end(), layer) != layers_.end(); }

  // "held", "breached", or the code of a failure.
  std::string Try(const std::string& code) {
    std::string names = "module, library, port = '" + module_.path().string() + "', '" + library_.path().string() + "', 22\n";
    process_->Send({{"id", ++count_},
                    {"timeout_s", 20.0},
                    {"memory_bytes", int64_t{2} << 30},
                    {"folder", (folder_.path() / std::to_string(count_)).string()},
                    {"visible", {library_.path().string()}},
                    {"masked", {(library_.path() / "model.py").string()}},
                    {"attack", names + code}});
    std::optional<Json> reply = process_->Receive(milliseconds(60'000));
    if (!reply) return "no reply";
    if (reply->contains("failure")) return reply->at("failure").at("code").get<std::string>();
    return reply->at("answer").at("held").get<bool>() ? "held" : "breached";
  }

 private:
  ScratchFolder folder_{"drtriton-sandbox"}, module_{"drtriton-module"}, library_{"drtriton-library"};
  std::unique_ptr<Process> process_;
  std::vector<std::string> layers_;
  int count_ = 0;
};

bool Runs(const std::string& command) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    std::string found((std::istreambuf_iterator<char>(file)), {});
    if (found.rfind(command, 0) == 0) return true;
  }
  return false;
}

std::string NameOf(Isolation isolation) {
  static const char* const kNames[] = {"None", "Process", "Namespaces", "Bubblewrap"};
  return kNames[static_cast<size_t>(isolation)];
}

class Layers : public testing::TestWithParam<Isolation> {};

TEST_P(Layers, HoldAttacksOff) {
  if (GetParam() > AvailableIsolation()) GTEST_SKIP() << "not possible on this host";
  AttackWorker worker(GetParam());
  ASSERT_FALSE(worker.layers().empty());
  for (const std::string& layer : worker.layers()) std::cout << "layer: " << layer << "\n";
  for (const Attack& attack : kAttacks) {
    if (!worker.Has(attack.layer)) continue;
    std::string outcome = worker.Try(attack.code);
    EXPECT_TRUE(outcome == "held" || outcome == "forbidden") << attack.layer << ": " << attack.code << ": " << outcome;
  }
}

TEST_P(Layers, MaskTheModule) {
  if (GetParam() > AvailableIsolation()) GTEST_SKIP() << "not possible on this host";
  AttackWorker worker(GetParam());
  if (worker.Has("hidden files")) {
    EXPECT_EQ(worker.Try("held = unreadable(os.path.join(library, 'model.py'))"), "held");
  }
}

// Whoever is left of a candidate ends with its turn.
TEST_P(Layers, NothingOfACandidateStays) {
  if (GetParam() > AvailableIsolation()) GTEST_SKIP() << "not possible on this host";
  AttackWorker worker(GetParam());
  if (!worker.Has("separate processes") && !worker.Has("syscall filter")) GTEST_SKIP() << "only the limits hold";
  worker.Try(
      "import time\n"
      "if os.fork() == 0:\n"
      "    if os.fork() == 0:\n"
      "        try: os.setsid()\n"
      "        except OSError: pass\n"
      "        os.execlp('sleep', 'drtriton-survivor', '60')\n"
      "    os._exit(0)\n"
      "time.sleep(0.2)\nheld = True");
  bool stays = true;   // a process that was ended takes a moment to go
  for (int i = 0; stays && i < 50; ++i, usleep(50'000)) stays = Runs("drtriton-survivor");
  EXPECT_FALSE(stays);
}

// Also where nothing but limits is possible a candidate that exhausts something costs itself alone.
TEST_P(Layers, ExhaustionCostsTheCandidateAlone) {
  if (GetParam() > AvailableIsolation()) GTEST_SKIP() << "not possible on this host";
  AttackWorker worker(GetParam());
  EXPECT_EQ(worker.Try("hoard = bytearray(4 << 30); held = False"), "out_of_memory");
  EXPECT_EQ(worker.Try("import time\nwhile True:\n    if os.fork() == 0: time.sleep(30)"), "forbidden");
  EXPECT_EQ(worker.Try("held = True"), "held");
}

INSTANTIATE_TEST_SUITE_P(Isolations, Layers,
                         testing::Values(Isolation::kBubblewrap, Isolation::kNamespaces, Isolation::kProcess, Isolation::kNone),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace drtriton
