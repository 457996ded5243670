// Which operators a person writes as layers of torch.nn: those whose weights are parameters of the module.
#ifndef DRTRITON_SYNTH_MODULE_LAYERS_H_
#define DRTRITON_SYNTH_MODULE_LAYERS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"
#include "synth/module_sizes.h"

namespace drtriton {

// A kind of layer: how its call reads as an operator.
struct LayerRule;

// The layer for a node: nullptr where there is none, or where this call of it cannot be one: a weight that others read
// too, that is no parameter, lies in memory in its own way or has a dtype of its own.  `reads`: how often each value is
// read in the Program.
const LayerRule* FindLayer(const Program& program, const Node& node, const std::vector<int32_t>& reads);

// "conv": what the attribute is called; numbered where there are several.
std::string_view LayerName(const LayerRule& layer);

// Parameters and buffers that the layer owns.
std::vector<ValueId> LayerTensors(const LayerRule& layer, const Node& node);

// The position among the node's arguments of the tensor that the layer is called with, and of a second one (-1: none).
int LayerInput(const LayerRule& layer);
int LayerSecondInput(const LayerRule& layer);

// "nn.Linear(features, out_features, bias=False)"
void AppendLayer(std::string& out, const LayerRule& layer, const Program& program, const Node& node,
                 ModuleSizes& sizes);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_MODULE_LAYERS_H_
