// The program that runs other engines for squint bench, by a Python that has
// them; part of the binary, so that nothing needs to be found.
#ifndef SQUINT_API_PEER_WORKER_H_
#define SQUINT_API_PEER_WORKER_H_

namespace squint {

// The text of peer_worker.py, for `python3 -c`.
extern const char* const kPeerWorker;

}  // namespace squint

#endif  // SQUINT_API_PEER_WORKER_H_
