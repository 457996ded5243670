// Emit: Composition -> the text of model_triton.py.
#ifndef DRTRITON_EMIT_EMIT_H_
#define DRTRITON_EMIT_EMIT_H_

#include <map>
#include <string>
#include <vector>

#include "core/composition.h"
#include "core/device.h"

namespace drtriton {

// A tensor that belongs to neither the module's parameters nor its buffers (ValueKind::kConstant), contiguous.
struct ConstantData {
  DType dtype = DType::kFloat32;
  Shape shape;
  std::string bytes;
};

struct EmitOptions {
  std::string module_source;     // the user's file, kept as the fallback
  std::string module_name;       // file name of it, for the header comment
  DeviceSpec device;             // the kernels are tuned for it
  bool untimed = false;          // chosen by the cost model: the file says so
  bool reduced_shapes = false;   // verified at reduced shapes only: the file says so
  // By value name.  Needed for constants that forward() makes; one that the module holds as an attribute is read there.
  std::map<std::string, ConstantData> constants;
  std::vector<std::string> notes;  // further lines for the header (error, speed, versions)
};

// A whole Python file; imports torch, triton and what the original imports, nothing else.  Throws InternalError when
// the composition is inconsistent.
std::string EmitModule(const Composition& composition, const EmitOptions& options);

}  // namespace drtriton

#endif  // DRTRITON_EMIT_EMIT_H_
