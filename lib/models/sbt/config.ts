/** What the model was trained for: it decides the attention, the norms and what the last layer is read for. */
export type SbtTask = 'classification' | 'anomaly-detection' | 'forecasting';

/**
 * Sizes and structure of a sparse binary transformer, or of a dense model of the same structure
 * ("Sparse Binary Transformers", arXiv 2308.04637). Names in config.json are those of this interface in snake_case.
 */
export interface SbtConfig {
  readonly task: SbtTask;
  /** Variables of a sample. */
  readonly numVariables: number;
  /** Time steps the model sees: exactly so many for the newest-step tasks, at most so many for classification. */
  readonly windowLength: number;
  readonly dModel: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly feedForwardSize: number;
  /** Rows of the decoder: classes, or the variables. */
  readonly outputSize: number;
  readonly weights: 'sparse-binary' | 'dense';
  /** Share of a matrix's entries that are kept; 1 for dense weights. */
  readonly keepRatio: number;
  /** 'step-t': a past step attends to itself, the newest step to all past steps but not to itself. */
  readonly attention: 'full' | 'step-t';
  /** After attention and after the feed-forward network: none, BatchNorm over channels, LayerNorm over the time axis. */
  readonly norm: 'none' | 'batch' | 'time';
  readonly normEpsilon: number;
  /** 'table': stored with the model (learned, or sinusoids as a checkpoint has them). */
  readonly positionCode: 'sinusoidal' | 'table' | 'none';
  /** Names of the classes; their numbers where the model has none. */
  readonly labels?: readonly string[];
  /** Anomaly detection: the threshold that was calibrated on normal data, and the level of its quantile. */
  readonly threshold?: { readonly value: number; readonly level: number };
}
