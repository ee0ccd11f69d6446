import { onOff, read, type SettingType } from '../../base/setting-types.ts';

/** Text for people, as manifests take it: without control signs. */
function words(charactersMax: number): SettingType<string> {
  return {
    schema: read((given) => {
      const text = String(given).trim();
      return text.length > 0 && text.length <= charactersMax && /^\P{C}*$/u.test(text)
        ? text
        : undefined;
    }),
    placeholder: 'TEXT',
    allowed: `up to ${charactersMax} characters, without line breaks`,
  };
}

/** What a pool says of itself in its manifest besides what it knows. */
export const manifestSettings = {
  operatorName: {
    type: words(100),
    doc: 'Who runs the pool: a name that people know you by; it stands in the manifest and on the public page.',
    defaultText: 'not said',
  },
  contact: {
    type: words(200),
    doc: 'How to reach you: an e-mail address or the URL of a chat; it stands in the manifest and on the public page.',
    defaultText: 'not said',
  },
  poolRegion: {
    type: words(100),
    doc: 'Where the pool stands, such as "eu-central"; it stands in the manifest and on the public page.',
    defaultText: 'not said',
  },
  outsideGpus: {
    type: onOff(),
    doc: 'Whether owners of GPUs may ask to join; the manifest and the public page say so.',
    default: true,
    why: 'A pool is there for the GPUs of others.',
  },
  hardwareWanted: {
    type: words(500),
    doc: 'Which hardware you look for; it stands in the manifest and on the public page.',
    defaultText: 'not said',
  },
} as const;
