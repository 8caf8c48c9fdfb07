import { cases as attention } from './attention.cases.js';
import { cases as cachedAttention } from './cached-attention.cases.js';
import type { ParityCase } from './case.js';
import { cases as causalConv1d } from './causal-conv1d.cases.js';
import { cases as elementwise } from './elementwise.cases.js';
import { cases as embedding } from './embedding.cases.js';
import { cases as instanceNormPatch } from './instance-norm-patch.cases.js';
import { cases as linear } from './linear.cases.js';
import { cases as longConv } from './long-conv.cases.js';
import { cases as mergeDrop } from './merge-drop.cases.js';
import { cases as mergeTokens } from './merge-tokens.cases.js';
import { cases as mergedAttention } from './merged-attention.cases.js';
import { cases as norm } from './norm.cases.js';
import { cases as offsets } from './offsets.cases.js';
import { cases as program } from './program.cases.js';
import { cases as quantiles } from './quantiles.cases.js';
import { cases as rows } from './rows.cases.js';
import { cases as sample } from './sample.cases.js';
import { cases as selectiveScan } from './selective-scan.cases.js';
import { cases as sparseChain } from './sparse-chain.cases.js';
import { cases as sparseLinear } from './sparse-linear.cases.js';
import { cases as ssdScan } from './ssd-scan.cases.js';
import { cases as tokenize } from './tokenize.cases.js';
import { cases as windowAttention } from './window-attention.cases.js';

export const CASES: readonly ParityCase[] = [
  ...attention,
  ...cachedAttention,
  ...causalConv1d,
  ...elementwise,
  ...embedding,
  ...instanceNormPatch,
  ...linear,
  ...longConv,
  ...mergeTokens,
  ...mergeDrop,
  ...mergedAttention,
  ...norm,
  ...offsets,
  ...program,
  ...quantiles,
  ...rows,
  ...sample,
  ...selectiveScan,
  ...sparseChain,
  ...sparseLinear,
  ...ssdScan,
  ...tokenize,
  ...windowAttention,
];
