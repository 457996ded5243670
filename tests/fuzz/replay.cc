// Runs a fuzz target over the files of a folder, under any compiler: `replay_TARGET FOLDER`.  What fuzzing found stays found.
#include <cstdio>
#include <filesystem>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argc > 1 ? argv[1] : ".")) {
    const std::string input = drtriton::ReadFile(entry.path());
    std::printf("%s\n", entry.path().filename().c_str());
    std::fflush(stdout);   // the last name is the one that ended us
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
    ++count;
  }
  std::printf("%zu inputs\n", count);
  return count > 0 ? 0 : 1;
}
