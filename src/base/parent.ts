/**
 * Makes this process end as after SIGTERM when its standard input ends: the pipe that whoever started
 * it holds, and that the system closes when that process is gone, however suddenly.
 */
export function endWithParent(): void {
  const { stdin } = process;
  const gone = () => {
    stdin.removeAllListeners();
    process.kill(process.pid, 'SIGTERM');
  };
  stdin.once('end', gone).once('close', gone).once('error', gone).resume();
}
