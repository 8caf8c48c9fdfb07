import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SbtConfig } from '../../lib/models/sbt/config.js';
import type { SbtLinear, SbtNorm, SbtWeights } from '../../lib/models/sbt/weights.js';
import { type GoldenFile, readGoldenFile } from './goldens.js';

/** A golden model from its stated masks, signs and scales: nothing is binarized here. */
export function sbtGolden(directory: string): { config: SbtConfig; weights: SbtWeights; cases: GoldenFile } {
  const published = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
  const model = readGoldenFile(join(directory, 'model.safetensors'));
  const derived = readGoldenFile(join(directory, 'derived.safetensors'));
  const { m, w, d, layers, heads, ffn, classes = m } = published;
  const classifies = published.task === 'classification';
  const forecasts = published.task === 'forecast';
  const config: SbtConfig = {
    task: classifies ? 'classification' : forecasts ? 'forecasting' : 'anomaly-detection',
    numVariables: m,
    windowLength: w,
    dModel: d,
    numLayers: layers,
    numHeads: heads,
    feedForwardSize: ffn,
    outputSize: classes,
    weights: 'sparse-binary',
    keepRatio: published.lin_prune_rate,
    attention: classifies ? 'full' : 'step-t',
    norm: classifies ? 'batch' : forecasts ? 'time' : 'none',
    normEpsilon: 1e-5,
    positionCode: 'sinusoidal',
  };
  const read = (name: string) => model.floats(name).data;
  const linear = (name: string): SbtLinear => {
    const bias = model.has(`${name}.bias`) ? read(`${name}.bias`) : undefined;
    return { weight: { kind: 'sparse-binary', matrix: matrixOf(derived, name) }, bias };
  };
  const layer = (l: number) => {
    const at = `transformer_encoder.layers.${l}`;
    const mask = (part: string) => bits(model.integers(`${at}.self_attn.${part}_act_mask`).data, w * d);
    const norms = ['1', '2'].map((i) => (classifies ? batchNorm : timeNorm)(read, `${at}.`, i, published));
    return {
      query: linear(`${at}.self_attn.linear_Q`),
      key: linear(`${at}.self_attn.linear_K`),
      value: linear(`${at}.self_attn.linear_V`),
      output: linear(`${at}.self_attn.out_proj`),
      expand: linear(`${at}.linear1`),
      contract: linear(`${at}.linear2`),
      norms: config.norm === 'none' ? undefined : (norms as [SbtNorm, SbtNorm]),
      activationMasks: classifies ? { query: mask('q'), key: mask('k'), value: mask('v') } : undefined,
    };
  };
  const weights = {
    embedding: linear('embedding'),
    layers: Array.from({ length: layers }, (_, l) => layer(l)),
    decoder: linear('decoder'),
  };
  return { config, weights, cases: readGoldenFile(join(directory, 'cases.safetensors')) };
}

function matrixOf(derived: GoldenFile, name: string) {
  const signed = derived.has(`${name}.signed_mask`) && derived.get(`${name}.signed_mask`);
  const { data: mask, shape } = signed || derived.get(`${name}.mask`);
  const sign = signed ? signed.data : derived.get(`${name}.sign`).data;
  const kept = [...mask.keys()].filter((i) => mask[i] !== 0 && sign[i] !== 0);
  return {
    shape: shape as readonly [number, number],
    mask: bits(kept, mask.length),
    signs: bits(
      [...kept.keys()].filter((i) => sign[kept[i]!]! < 0),
      kept.length,
    ),
    alpha: derived.floats(`${name}.alpha_published`).data[0]!,
  };
}

function bits(ones: Iterable<number>, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(length / 8));
  for (const i of ones) bytes[i >> 3]! |= 1 << (i & 7);
  return bytes;
}

type Read = (name: string) => Float32Array;

function batchNorm(read: Read, at: string, i: string): SbtNorm {
  const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((name) =>
    read(`${at}bn${i}.${name}`),
  );
  const scale = weight!.map((value, c) => value / Math.sqrt(variance![c]! + 1e-5));
  return { scale, shift: bias!.map((value, c) => value - mean![c]! * scale[c]!) };
}

function timeNorm(
  read: Read,
  at: string,
  i: string,
  { layer_norm_prune_rate: keep, task }: Record<string, unknown>,
): SbtNorm {
  if (task !== 'forecast') return { scale: new Float32Array(), shift: new Float32Array() };
  const scale = read(`${at}norm${i}.weight`).slice();
  const scores = read(`${at}norm${i}.scores`).map(Math.abs);
  const dropped = Math.trunc((1 - (keep as number)) * scores.length);
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]!);
  for (const entry of order.slice(0, dropped)) scale[entry] = 0;
  return { scale, shift: read(`${at}norm${i}.bias`) };
}
