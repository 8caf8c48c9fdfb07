import { TidemergeError } from '../errors.js';

/**
 * 'channelsFirst': [batch, channels, length], as in the official implementations;
 * 'channelsLast': [batch, length, channels], as projections give and take it.
 */
export type SequenceLayout = 'channelsFirst' | 'channelsLast';

export function sequenceLayout(who: string, layout: SequenceLayout = 'channelsFirst'): SequenceLayout {
  if (layout === 'channelsFirst' || layout === 'channelsLast') return layout;
  const message = `${who}: layout: expected 'channelsFirst' or 'channelsLast', got ${String(layout)}`;
  throw new TidemergeError('ERR_INVALID_ARGUMENT', message);
}
