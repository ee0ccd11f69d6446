/**
 * Why a result was refused, with one sentence for the worker that reads it. A refused result is a
 * failed attempt: the job goes to another worker.
 */
export const reasonAdvice = {
  wrong_count: 'Return one rendition for every profile of the task, in their order.',
  source_unreadable:
    'The source itself holds no readable video; the worker is not at fault, the gateway should check its input.',
  empty_rendition: 'A rendition was under 25 bytes; check that the encoder produced frames.',
  damaged:
    'A rendition is incomplete or cannot be decoded; check disk, memory and the connection, then update the transcoder.',
  wrong_container: 'Return MPEG-TS or MP4 as the profile asks.',
  wrong_codec: 'Encode with the codec of the profile.',
  wrong_size:
    'Scale the larger side to the profile and keep the aspect ratio of the source, both sides even.',
  wrong_frame_count: 'Encode every frame of the source at the frame rate of the profile.',
  wrong_span: 'Keep the timing of the source; the rendition is shorter or longer than it.',
  first_frame_not_key: 'Begin every rendition with a key frame and its parameter sets.',
  audio_lost: 'Copy the audio of the source into every rendition.',
  repeated_output: 'These bytes were already returned for other work; encode each source anew.',
  source_remuxed: 'The source was returned without being transcoded.',
} as const;

/** The closed list of reasons, fit for a metric label. */
export type Reason = keyof typeof reasonAdvice;

export const reasons = Object.keys(reasonAdvice) as readonly Reason[];
