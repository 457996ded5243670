// The kernels of a Composition as one Python text: the @triton.jit functions of every proposal with the helpers and
// constants they use, each once, under names that do not collide with each other or with the user's file.
#ifndef DRTRITON_EMIT_KERNEL_SOURCES_H_
#define DRTRITON_EMIT_KERNEL_SOURCES_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/composition.h"

namespace drtriton {

class KernelSources {
 public:
  // `taken` are names that must not be used; `aliases` maps "torch", "triton", "tl" to what they are called in the file.
  KernelSources(std::set<std::string> taken, std::map<std::string, std::string> aliases);

  // Adds what the plan of `step` launches.  Throws InternalError when the source lacks a launched function.
  void Add(const KernelStep& step);

  // The name in the file of a function of the last step added.
  const std::string& NameOf(const std::string& function) const;

  // Import statements beyond torch, triton and tl, and the functions, in the order in which they were added.
  const std::vector<std::string>& imports() const { return imports_; }
  const std::string& text() const { return text_; }

  // A name that nobody has, close to `wanted`; it is taken from now on.
  std::string Claim(const std::string& wanted);

 private:
  struct Source;
  void AddStatement(const Source& source, size_t index, const KernelStep& step);
  std::string Resolve(const Source& source, size_t index) const;

  std::set<std::string> taken_;
  std::map<std::string, std::string> aliases_;
  std::map<std::string, std::string> names_;            // of the current step: in its source -> in the file
  std::map<std::string, std::string> known_;            // resolved text of a statement -> its name in the file
  std::vector<std::string> imports_;
  std::string text_;
};

}  // namespace drtriton

#endif  // DRTRITON_EMIT_KERNEL_SOURCES_H_
