import { readFile } from 'node:fs/promises';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { profilesFromJson, profilesFromNames } from '../../protocol/profile-presets.ts';
import type { VideoProfile } from '../../protocol/video-profile.ts';

/**
 * The ladder that `--profiles` names: a JSON file when it looks like a path of one, preset names
 * otherwise. Throws `profile_invalid` or `input_missing`.
 */
export async function readProfiles(text: string): Promise<readonly VideoProfile[]> {
  if (!/[/\\]|\.json$/i.test(text)) return profilesFromNames(text);
  let json: string;
  try {
    json = await readFile(text, 'utf8');
  } catch (cause) {
    const message = `the profile file cannot be read: ${messageOf(cause)}`;
    throw new TributaryError('input_missing', message, { cause });
  }
  return profilesFromJson(json);
}
