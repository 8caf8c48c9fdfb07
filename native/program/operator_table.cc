// One row per operator. Adding one: its header, its row.

#include "program/operator_table.h"

#include "ops/attention.h"
#include "ops/causal_conv1d.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/kv_cache.h"
#include "ops/linear.h"
#include "ops/long_conv.h"
#include "ops/merge_maps.h"
#include "ops/merge_tokens.h"
#include "ops/norm.h"
#include "ops/offsets.h"
#include "ops/patch.h"
#include "ops/quantiles.h"
#include "ops/random.h"
#include "ops/rows.h"
#include "ops/sample.h"
#include "ops/selective_scan.h"
#include "ops/sparse_chain.h"
#include "ops/sparse_linear.h"
#include "ops/ssd_scan.h"
#include "ops/tokenize.h"
#include "ops/window_attention.h"

namespace tidemerge {

OperatorTable operator_table() {
  static const OperatorInfo* const rows[] = {
      &attention_operator(),
      &pack_keys_operator(),
      &add_operator(),
      &multiply_operator(),
      &activation_operator(),
      &scale_shift_operator(),
      &scale_shift_columns_operator(),
      &embedding_operator(),
      &cached_attention_operator(),
      &causal_conv1d_operator(),
      &linear_operator(),
      &long_conv_operator(),
      &merge_tokens_operator(),
      &unmerge_tokens_operator(),
      &compose_maps_operator(),
      &reduce_by_map_operator(),
      &rms_norm_operator(),
      &layer_norm_operator(),
      &softmax_operator(),
      &time_norm_operator(),
      &uniform_offsets_operator(),
      &fill_ids_operator(),
      &instance_norm_patch_operator(),
      &append_row_operator(),
      &sample_quantiles_operator(),
      &sample_mean_operator(),
      &sample_median_operator(),
      &interpolate_quantiles_operator(),
      &series_keys_operator(),
      &columns_operator(),
      &gather_rows_operator(),
      &repeat_rows_operator(),
      &pad_rows_operator(),
      &write_column_operator(),
      &zeros_operator(),
      &sample_tokens_operator(),
      &sampling_distribution_operator(),
      &selective_scan_operator(),
      &sparse_chain_operator(),
      &sparse_linear_operator(),
      &ssd_scan_operator(),
      &mean_scale_tokenize_operator(),
      &tokens_to_values_operator(),
      &window_attention_operator(),
  };
  return {rows, sizeof(rows) / sizeof(rows[0])};
}

}  // namespace tidemerge
