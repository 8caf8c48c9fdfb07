import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';

/** Which stack of a model merges its tokens. */
export type MergingPlace = 'encoder' | 'decoder' | 'both';

/**
 * Local token merging inside a model (Götz et al., ICML 2025): after the mixing part of a layer, similar tokens of a
 * series are averaged, and all later layers run on fewer tokens. Every number is per series: a result never depends on
 * batch mates.
 *
 * Exactly one of `r`, `ratio`, `threshold` and `schedule` says how many.
 */
export interface MergingOptions {
  /** Tokens removed in every merging layer; cut to half of the tokens there, and by `minTokens`. */
  readonly r?: number | undefined;
  /** The same as a share of the tokens a layer gets: r = floor(ratio · tokens), 0 to 1; above 0.5 is cut. */
  readonly ratio?: number | undefined;
  /** Merge every pair whose cosine similarity is greater than this. */
  readonly threshold?: number | undefined;
  /** r of every layer, from the first; layers behind its end do not merge. */
  readonly schedule?: readonly number[] | undefined;
  /**
   * Neighbourhood in pairs of tokens (the paper's k): 1 merges neighbours only, 'global' any two tokens. Default: the
   * model's, see its documentation.
   */
  readonly k?: number | 'global' | undefined;
  /** Tokens that remain in any case (the paper's q). Default 1. */
  readonly minTokens?: number | undefined;
  /**
   * No merged token knows more than the last position it stands for: k is 1. With r the choice of pairs still looks at
   * the whole series; 'strict' therefore takes a threshold only, and keeps the earliest pairs where minTokens cuts.
   */
  readonly causal?: boolean | 'strict' | undefined;
  /** Layers that merge, from 0. Default 'all'; not together with `schedule`. */
  readonly layers?: 'all' | readonly number[] | undefined;
  readonly where?: MergingPlace | undefined;
  /** Attention counts a merged token as often as tokens stand in it (adds log(size) to its logits). Default false. */
  readonly proportional?: boolean | undefined;
  /** Results tell what was merged. Default false. */
  readonly trace?: boolean | undefined;
  /**
   * A control for experiments: the A token of a pair (the one in an even place) is dropped instead of averaged; pairs are chosen as in merging.
   * The position bias stays that of all tokens a row stands for. Default false.
   */
  readonly prune?: boolean | undefined;
}

/** What a model must say for its options to be checked. */
export interface MergingTarget {
  /** For messages. */
  readonly model: string;
  readonly numLayers: number;
  /** Default of the option. */
  readonly k: number | 'global';
  /** Places of `where` that cannot merge, and why. A model with one stack refuses all it does not call its own. */
  readonly refuses?: Partial<Readonly<Record<MergingPlace, string>>>;
  /** Absent: the model has attention. Otherwise why `proportional` means nothing to it. */
  readonly noAttention?: string;
}

/** What one layer does: the attributes of the operator `merge_tokens`. */
export interface MergeRule {
  readonly rule: 'r' | 'ratio' | 'threshold';
  readonly amount: number;
  /** 0: global */
  readonly k: number;
  readonly minTokens: number;
  /** Which links stay where minTokens cuts a threshold. */
  readonly keep: 'similar' | 'earliest';
  readonly drop?: true;
}

/** Checked options for one model. */
export interface MergingPlan {
  /** By layer; undefined: the layer does not merge. */
  readonly layers: readonly (MergeRule | undefined)[];
  readonly proportional: boolean;
  readonly trace: boolean;
  /** Equal for equal plans: part of the name under which a model keeps its program. */
  readonly key: string;
}

const AMOUNTS = ['r', 'ratio', 'threshold', 'schedule'] as const;

/**
 * Checks options against a model. `false` and undefined: no merging. Errors: ERR_INVALID_ARGUMENT, and ERR_UNSUPPORTED
 * for what the model cannot do.
 */
export function readMerging(
  options: MergingOptions | false | undefined,
  target: MergingTarget,
): MergingPlan | undefined {
  if (options === undefined || options === false) return undefined;
  if (typeof options !== 'object' || options === null) throw invalid('', 'an object of options or false', options);
  checkPlace(options, target);
  const rule = readRule(options, target);
  const plan = {
    layers: readLayers(options, target, rule),
    proportional: readFlag('proportional', options.proportional),
    trace: readFlag('trace', options.trace),
  };
  if (plan.proportional && target.noAttention) throw unsupported('proportional', target, target.noAttention);
  return { ...plan, key: JSON.stringify(plan) };
}

function checkPlace({ where }: MergingOptions, target: MergingTarget): void {
  if (where === undefined) return;
  if (where !== 'encoder' && where !== 'decoder' && where !== 'both') {
    throw invalid('where', "'encoder', 'decoder' or 'both'", where);
  }
  const reason = target.refuses?.[where];
  if (reason !== undefined) throw unsupported(`where '${where}'`, target, reason);
}

/** Everything but the amount of a schedule, whose `amount` is NaN here. */
function readRule(options: MergingOptions, target: MergingTarget): MergeRule {
  const given = AMOUNTS.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    throw invalid('', 'exactly one of r, ratio, threshold and schedule', given.join(' and ') || undefined);
  }
  const { r, ratio, threshold, minTokens = 1, causal = false } = options;
  if (r !== undefined) expectCount('r', r, 0);
  if (ratio !== undefined && !(typeof ratio === 'number' && ratio >= 0 && ratio <= 1)) {
    throw invalid('ratio', 'a number from 0 to 1', ratio);
  }
  if (threshold !== undefined && !Number.isFinite(threshold)) throw invalid('threshold', 'a finite number', threshold);
  expectCount('minTokens', minTokens, 1);
  const rule = ratio !== undefined ? 'ratio' : threshold !== undefined ? 'threshold' : 'r';
  if (causal === 'strict' && rule !== 'threshold') {
    throw invalid(
      'causal',
      "a threshold with 'strict', because r, ratio and schedule choose among all pairs",
      given[0],
    );
  }
  return {
    rule,
    amount: r ?? ratio ?? threshold ?? Number.NaN,
    k: readNeighbourhood(options, target),
    minTokens,
    keep: causal === 'strict' ? 'earliest' : 'similar',
    ...(readFlag('prune', options.prune) && { drop: true as const }),
  };
}

function readNeighbourhood({ k: given, causal = false }: MergingOptions, target: MergingTarget): number {
  if (causal !== 'strict' && typeof causal !== 'boolean') throw invalid('causal', "true, false or 'strict'", causal);
  const k = given ?? (causal ? 1 : target.k);
  if (k !== 'global') expectCount('k', k, 1, " or 'global'");
  if (causal && k !== 1) throw invalid('k', '1 with causal: a larger neighbourhood looks ahead', k);
  return k === 'global' ? 0 : k;
}

function readLayers(
  { layers = 'all', schedule }: MergingOptions,
  { model, numLayers }: MergingTarget,
  rule: MergeRule,
): (MergeRule | undefined)[] {
  const plan = new Array<MergeRule | undefined>(numLayers).fill(undefined);
  if (schedule !== undefined) {
    if (layers !== 'all') throw invalid('layers', "'all' with a schedule, whose zeros leave layers out", layers);
    if (!Array.isArray(schedule)) throw invalid('schedule', 'an array of numbers', schedule);
    if (schedule.length > numLayers) {
      throw invalid('schedule', `at most ${numLayers} numbers, the layers of ${model}`, schedule.length);
    }
    for (const [i, amount] of schedule.entries()) {
      expectCount(`schedule[${i}]`, amount, 0);
      if (amount > 0) plan[i] = { ...rule, amount };
    }
    return plan;
  }
  if (layers === 'all') return plan.fill(rule);
  if (!Array.isArray(layers)) throw invalid('layers', "'all' or an array of layers", layers);
  for (const [i, layer] of (layers as readonly unknown[]).entries()) {
    if (!(Number.isSafeInteger(layer) && (layer as number) >= 0 && (layer as number) < numLayers)) {
      throw invalid(`layers[${i}]`, `a layer of ${model}, 0 to ${numLayers - 1}`, layer);
    }
    plan[layer as number] = rule;
  }
  return plan;
}

function readFlag(name: string, value: unknown = false): boolean {
  if (typeof value !== 'boolean') throw invalid(name, 'true or false', value);
  return value;
}

/** Operators take 32-bit numbers. */
const MOST = 2 ** 31 - 1;

function expectCount(name: string, value: unknown, least: number, or = ''): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= MOST) return;
  throw invalid(name, `an integer >= ${least}${or}`, value);
}

function invalid(name: string, expected: string, got: unknown): TidemergeError {
  const path = name === '' ? 'merging' : `merging.${name}`;
  return new TidemergeError('ERR_INVALID_ARGUMENT', `${path}: expected ${expected}, got ${show(got)}`);
}

function unsupported(what: string, { model }: MergingTarget, reason: string): TidemergeError {
  return new TidemergeError('ERR_UNSUPPORTED', `merging: ${what}: ${model}: ${reason}`);
}
