import type { SbtConfig, SbtTask } from './config.js';

export interface PaperDataset {
  readonly name: string;
  readonly config: SbtConfig;
}

type Sizes = readonly [name: string, variables: number, window: number, dModel: number, outputs?: number];

const CLASSIFICATION: readonly Sizes[] = [
  ['Heartbeat', 61, 405, 64, 2],
  ['SpokenArabicDigits', 13, 93, 64, 10],
  ['FaceDetection', 144, 62, 128, 2],
  ['InsectWingbeat', 200, 30, 256, 10],
  ['JapaneseVowels', 12, 29, 32, 9],
];
const DETECTION: readonly Sizes[] = [
  ['SMD', 38, 200, 76],
  ['MSL', 55, 50, 110],
  ['SMAP', 25, 50, 50],
];
const FORECASTING: readonly Sizes[] = [
  ['ECL', 321, 200, 350],
  ['Weather', 12, 200, 100],
  ['ETTm1', 7, 200, 64],
];

/** The models of the paper's eleven data sets, sizes as in the published scripts. */
export const PAPER_DATASETS: readonly PaperDataset[] = [
  ...CLASSIFICATION.map(dataset('classification', 0.5, 'batch')),
  ...DETECTION.map(dataset('anomaly-detection', 0.25, 'none')),
  ...FORECASTING.map(dataset('forecasting', 0.5, 'time')),
];

function dataset(task: SbtTask, keepRatio: number, norm: SbtConfig['norm']) {
  return ([name, numVariables, windowLength, dModel, outputSize = numVariables]: Sizes): PaperDataset => {
    const large = name === 'InsectWingbeat';
    const config: SbtConfig = {
      task,
      numVariables,
      windowLength,
      dModel,
      numLayers: large ? 3 : 2,
      numHeads: large ? 8 : 2,
      feedForwardSize: 256,
      outputSize,
      weights: 'sparse-binary',
      keepRatio,
      attention: task === 'classification' ? 'full' : 'step-t',
      norm,
      normEpsilon: 1e-5,
      positionCode: 'sinusoidal',
    };
    return { name, config };
  };
}
