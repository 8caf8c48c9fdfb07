#pragma once

// Products one after the other, row panel by row panel.

#include "kernels/sparse_binary/lists.h"

namespace tidemerge {
namespace {

// Panels of a chain in its scratch: x, then the result of every stage, each with its column of zeros.
struct ChainPanels {
  size_t stride;
  float* base;
  const SparseChain& chain;

  static size_t floats(const SparseChain& chain, size_t stride) {
    size_t columns = chain.stages[0].weights->k + 1;
    for (size_t s = 0; s < chain.count; ++s) columns += chain.stages[s].weights->n + 1;
    return columns * stride;
  }
  // The result of so many stages; of none: x.
  float* after(size_t stages) const {
    float* panel = base;
    for (size_t s = 0; s < stages; ++s) panel += (chain.stages[s].weights->k + 1) * stride;
    return panel;
  }
};

size_t widest(const SparseChain& chain) {
  size_t k = 0;
  for (size_t s = 0; s < chain.count; ++s) k = chain.stages[s].weights->k > k ? chain.stages[s].weights->k : k;
  return k;
}

// multiply(product, n, panel): all outputs of a stage from the panel of its inputs.
template <typename Multiply>
TIDEMERGE_INLINE void run_chain(const SparseChain& chain, size_t first, size_t stride, float* floats,
                                Multiply multiply) {
  const ChainPanels panels{stride, floats, chain};
  fill_panel({chain.x, chain.x_stride, chain.rows}, first, chain.stages[0].weights->k, stride, panels.after(0));
  for (size_t s = 0; s < chain.count; ++s) {
    const SparseChainStage& stage = chain.stages[s];
    PanelProduct product{stage.weights};
    product.bias = stage.bias;
    product.relu = stage.relu;
    if (stage.residual != SparseChainStage::kNone) product.residual = panels.after(static_cast<size_t>(stage.residual));
    product.out = panels.after(s + 1);
    multiply(product, stage.weights->n, panels.after(s));
    end_panel(product.out + stage.weights->n * stride, stride);
  }
  SparseBinaryProduct back;
  back.rows = chain.rows;
  back.end = chain.stages[chain.count - 1].weights->n;
  back.y = chain.y;
  back.y_stride = chain.y_stride;
  store_panel(back, first, 0, back.end, stride, panels.after(chain.count));
}

}  // namespace
}  // namespace tidemerge
