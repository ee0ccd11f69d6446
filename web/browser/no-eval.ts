import { config } from 'zod';

// zod tries whether it may compile its checks; the policy of our pages says no, and browsers report
// even the question. Imported before any schema is made.
config({ jitless: true });
