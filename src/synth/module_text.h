// A Program as the module file that a person would write: KernelBench's convention, layers where PyTorch has them.
//
//   import torch
//   import torch.nn as nn
//   import torch.nn.functional as F
//
//   BATCH = 8
//   FEATURES = 256
//   OUT_FEATURES = 512
//
//
//   class Model(nn.Module):
//       def __init__(self, features, out_features):
//           super().__init__()
//           self.linear = nn.Linear(features, out_features, bias=False)
//           self.scale = nn.Parameter(torch.randn(out_features))
//
//       def forward(self, x):
//           x = self.linear(x)
//           return F.relu(x) * self.scale
//   ...
//
// Importing the file gives an equal Program (equal by CanonicalForm, synth/canonical.h).  graph/program_python.h prints
// the flat functional form that the policy reads; this one is what a user's file looks like.
#ifndef DRTRITON_SYNTH_MODULE_TEXT_H_
#define DRTRITON_SYNTH_MODULE_TEXT_H_

#include <string>
#include <vector>

#include "graph/program.h"
#include "graph/leaf_fill.h"

namespace drtriton {

// `fills` says how each leaf is drawn, in the order of Program::Leaves(); what a layer of torch.nn owns is initialised as
// that layer does it.  Empty: kDefault for all.  Throws UserError for an operator that is not in the registry.
std::string WrittenModule(const Program& program, const std::vector<LeafFill>& fills = {});

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_MODULE_TEXT_H_
