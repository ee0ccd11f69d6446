import { readdirSync, readFileSync } from 'node:fs';

/** Length of a clock tick of /proc in milliseconds: USER_HZ is 100 on every Linux. */
const TICK_MS = 10;

/** CPU time that a process and its threads have used so far, user and system. */
export function cpuMs(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** CPU time of the processes below one, those that have ended and been waited for included. */
export function childrenCpuMs(pid: number): number {
  const ended = statOf(pid);
  const reaped = (Number(ended[13]) + Number(ended[14])) * TICK_MS;
  return childrenOf(pid).reduce((sum, child) => sum + cpuMs(child) + childrenCpuMs(child), reaped);
}

/** Resident memory in MiB. */
export function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
      return text.split(' ').filter(Boolean).map(Number);
    } catch {
      return []; // the thread has ended
    }
  });
}

/** The fields after the name, which may hold blanks and parentheses. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return Array.from({ length: 20 }, () => '0'); // a child that has ended
  }
}
