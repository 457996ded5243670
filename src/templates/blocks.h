// The lines that set up one blocked dimension of a tile: its index variable and its mask.
#ifndef DRTRITON_TEMPLATES_BLOCKS_H_
#define DRTRITON_TEMPLATES_BLOCKS_H_

#include <cstdint>
#include <string>

#include "templates/lowered.h"
#include "templates/source.h"
#include "templates/tile.h"

namespace drtriton {

// How an index variable lies in the tile.
enum class Lie : uint8_t {
  kScalar,   // one element a program
  kFlat,     // a vector; the tile has one dimension
  kDown,     // [:, None] of a two-dimensional tile
  kAcross,   // [None, :]
};

struct BlockSpec {
  std::string name;       // "m": the variable m, constants M and BLOCK_M, the mask m_mask
  AxisList axes;
  int64_t extent = 1;
  int64_t block = 1;
  Lie lie = Lie::kFlat;
  std::string start;      // where the block begins, as text ("pid_m * BLOCK_M"); empty: at 0
  bool always_full = false;   // the caller knows that no index leaves the extent
};

// Emits `m = (<start> + tl.arange(0, BLOCK_M))[:, None]` and, where the extent is no multiple of the block,
// `m_mask = m < M`.
TileDim AddBlock(KernelSource& kernel, const BlockSpec& spec);

// Whether some tensor is so large that offsets need 64 bits.
bool NeedsWideIndex(const Lowered& lowered);
// "tl.program_id(0)", in 64 bits where offsets need them; indices computed from it are then 64-bit too.
std::string ProgramIdText(const Lowered& lowered, int grid_axis);

// The smallest power of two that is at least `value`.
int64_t NextPowerOfTwo(int64_t value);
inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_BLOCKS_H_
