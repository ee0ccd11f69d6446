/** One segment of a media playlist. */
export interface PlaylistSegment {
  readonly uri: string;
  readonly durationMs: number;
  /** There is no file: its transcode failed. Players skip it. */
  readonly missing: boolean;
}

/** A media playlist as it stands; `ended` when nothing will be added. */
export interface MediaPlaylist {
  readonly segments: readonly PlaylistSegment[];
  readonly ended: boolean;
}

/** One line of the master playlist. */
export interface Variant {
  readonly uri: string;
  /** Peak bits per second of any segment, all streams together (RFC 8216, 4.3.4.2). */
  readonly bandwidthPeak: number;
  readonly bandwidthAverage: number;
  readonly width: number;
  readonly height: number;
  /** Frames per second; undefined when not known. */
  readonly frameRate?: number | undefined;
  /** RFC 6381 names, e.g. `avc1.64001f`, `mp4a.40.2`; empty when not known. */
  readonly codecs: readonly string[];
}

/**
 * Text of a media playlist of MPEG-TS segments (RFC 8216). `EXT-X-GAP` needs version 8; playlists
 * without a gap stay at version 3, which every player reads.
 */
export function mediaPlaylistText({ segments, ended }: MediaPlaylist): string {
  const gaps = segments.some((segment) => segment.missing);
  const longestMs = Math.max(0, ...segments.map((segment) => segment.durationMs));
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${gaps ? 8 : 3}`,
    // Rounded to the nearest second, no EXTINF may exceed it (4.3.3.1).
    `#EXT-X-TARGETDURATION:${Math.max(1, Math.round(longestMs / 1000))}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${ended ? 'VOD' : 'EVENT'}`,
  ];
  for (const segment of segments) {
    lines.push(`#EXTINF:${(segment.durationMs / 1000).toFixed(3)},`);
    if (segment.missing) lines.push('#EXT-X-GAP');
    lines.push(segment.uri);
  }
  if (ended) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

/** Text of a master playlist, one variant per rendition, best first as given. */
export function masterPlaylistText(variants: readonly Variant[]): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-INDEPENDENT-SEGMENTS'];
  for (const variant of variants) {
    const attributes = [
      `BANDWIDTH=${Math.ceil(variant.bandwidthPeak)}`,
      `AVERAGE-BANDWIDTH=${Math.ceil(variant.bandwidthAverage)}`,
      `RESOLUTION=${variant.width}x${variant.height}`,
    ];
    if (variant.frameRate !== undefined) {
      attributes.push(`FRAME-RATE=${variant.frameRate.toFixed(3)}`);
    }
    if (variant.codecs.length > 0) attributes.push(`CODECS="${variant.codecs.join(',')}"`);
    lines.push(`#EXT-X-STREAM-INF:${attributes.join(',')}`, variant.uri);
  }
  return `${lines.join('\n')}\n`;
}

/**
 * A folder name for a rendition: its own name when that is plain letters, digits, `_` and `-`,
 * else its place in the ladder. Never anything that could leave the folder.
 */
export function renditionFolder(name: string, index: number): string {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name) && name !== 'source'
    ? name
    : `rendition-${index + 1}`;
}
