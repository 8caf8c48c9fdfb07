import type { Call } from './call.js';

/**
 * The bias of merged tokens i and j: the mean of `bias` over all pairs of the original positions that stand in them.
 * Checks the inputs groups, groupOffsets and groupPositions of an attention.
 */
export function mergedBias(
  call: Call,
  queryOffsets: Int32Array,
  keyOffsets: Int32Array,
  bias: (head: number, distance: number) => number,
): (head: number, i: number, j: number) => number {
  const refuse = (expected: string, got: string) => call.error('ERR_INVALID_ARGUMENT', 'groups', expected, got);
  if (!call.has(7)) throw refuse('a distanceBias with groups', 'none');
  if (call.boolean('causal')) throw refuse('causal: false with groups', 'true');
  if (call.has(5) || call.has(6)) throw refuse('groupPositions instead of queryPositions and keyPositions', 'those');
  if (queryOffsets.some((end, b) => end !== keyOffsets[b])) {
    throw refuse('queries and keys that are the same tokens', `${queryOffsets.at(-1)} and ${keyOffsets.at(-1)} rows`);
  }
  const members = membersOf(call, queryOffsets);
  return (head, i, j) => {
    let sum = 0;
    for (const query of members[i]!) for (const key of members[j]!) sum += bias(head, key - query);
    return sum / (members[i]!.length * members[j]!.length);
  };
}

/** By merged token: the positions of its originals. */
function membersOf(call: Call, offsets: Int32Array): number[][] {
  const groups = call.vector(9, 'groups', 'int32');
  const originals = call.offsets(10, 'groupOffsets', groups.rows);
  if (originals.length !== offsets.length) {
    throw call.error('ERR_INVALID_SHAPE', 'groupOffsets', `[${offsets.length}, 1]`, `[${originals.length}, 1]`);
  }
  const positions = call.has(11) ? call.shaped(11, 'groupPositions', groups.rows, 1, 'int32').data : undefined;
  const members = Array.from({ length: offsets.at(-1)! }, (): number[] => []);
  for (let b = 0; b + 1 < offsets.length; b++) {
    const tokens = offsets[b + 1]! - offsets[b]!;
    for (let o = originals[b]!; o < originals[b + 1]!; o++) {
      const group = groups.data[o]!;
      if (group < 0 || group >= tokens) {
        const places = `places below ${tokens}, the tokens of series ${b}`;
        throw call.error('ERR_INVALID_ARGUMENT', 'groups', places, group);
      }
      members[offsets[b]! + group]!.push(positions ? positions[o]! : o - originals[b]!);
    }
  }
  const empty = members.findIndex((list) => list.length === 0);
  if (empty >= 0) throw call.error('ERR_INVALID_ARGUMENT', 'groups', 'an original token for every token', 'none');
  return members;
}
