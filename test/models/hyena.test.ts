import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeHyena } from './hyena.suite.js';

const directory = fixture('hyena', 'tiny');
describeHyena('hyena tiny', directory, `${directory}/cases.safetensors`, backendsUnderTest());
