import { attention, packKeys } from './attention.js';
import { cachedAttention } from './cached-attention.js';
import { causalConv1d } from './causal-conv1d.js';
import { activation, add, multiply, scaleShift, scaleShiftColumns, softmax } from './elementwise.js';
import { embedding } from './embedding.js';
import { instanceNormPatch } from './instance-norm-patch.js';
import { linear } from './linear.js';
import { longConv } from './long-conv.js';
import { composeMaps, reduceByMap, unmergeTokens } from './merge-maps.js';
import { mergeTokens } from './merge-tokens.js';
import { layerNorm, rmsNorm, timeNorm } from './norm.js';
import { fillIds, uniformOffsets, writeColumn, zeros } from './offsets.js';
import type { ReferenceOperator } from './operator.js';
import { interpolateQuantiles, sampleMean, sampleMedian, sampleQuantiles } from './quantiles.js';
import { appendRow, columns, gatherRows, padRows, repeatRows } from './rows.js';
import { sampleTokens, samplingDistribution, seriesKeys } from './sample.js';
import { selectiveScan } from './selective-scan.js';
import { sparseChain } from './sparse-chain.js';
import { sparseLinear } from './sparse-linear.js';
import { ssdScan } from './ssd-scan.js';
import { meanScaleTokenize, tokensToValues } from './tokenize.js';
import { windowAttention } from './window-attention.js';

/** Every operator by the name programs use; native/program/operator_table.cc has the same names. */
export const REFERENCE_OPERATORS: ReadonlyMap<string, ReferenceOperator> = new Map(
  Object.entries({
    activation,
    add,
    append_row: appendRow,
    attention,
    cached_attention: cachedAttention,
    causal_conv1d: causalConv1d,
    columns,
    compose_maps: composeMaps,
    embedding,
    fill_ids: fillIds,
    gather_rows: gatherRows,
    instance_norm_patch: instanceNormPatch,
    interpolate_quantiles: interpolateQuantiles,
    layer_norm: layerNorm,
    linear,
    long_conv: longConv,
    mean_scale_tokenize: meanScaleTokenize,
    merge_tokens: mergeTokens,
    multiply,
    pack_keys: packKeys,
    pad_rows: padRows,
    reduce_by_map: reduceByMap,
    repeat_rows: repeatRows,
    rms_norm: rmsNorm,
    sample_mean: sampleMean,
    sample_median: sampleMedian,
    sample_quantiles: sampleQuantiles,
    sample_tokens: sampleTokens,
    sampling_distribution: samplingDistribution,
    scale_shift: scaleShift,
    scale_shift_columns: scaleShiftColumns,
    selective_scan: selectiveScan,
    series_keys: seriesKeys,
    softmax,
    sparse_chain: sparseChain,
    sparse_linear: sparseLinear,
    time_norm: timeNorm,
    ssd_scan: ssdScan,
    tokens_to_values: tokensToValues,
    unmerge_tokens: unmergeTokens,
    uniform_offsets: uniformOffsets,
    window_attention: windowAttention,
    write_column: writeColumn,
    zeros,
  } satisfies Record<string, ReferenceOperator>),
);
