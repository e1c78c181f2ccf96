// What a step of the traced replica does: the phases by which kill points are counted.
#pragma once
#include "tests/kill/world.h"

#define PHASES(X) \
	X(STAGE, "request staged") \
	X(SUBMIT, "submit") \
	X(RESUBMIT, "submit again after Nop") \
	X(REQUEST, "request: repeated, refused") \
	X(PREACCEPT, "pre-accept as acceptor") \
	X(PREACCEPT_REPEAT, "pre-accept: repeated, late, refused") \
	X(PREACCEPT_OK, "PreAcceptOK counted") \
	X(FAST_COMMIT, "PreAcceptOK: fast commit") \
	X(SLOW_PATH, "slow path: accept as leader") \
	X(ACCEPT, "accept as acceptor") \
	X(ACCEPT_OK, "AcceptOK counted") \
	X(SLOW_COMMIT, "AcceptOK: commit") \
	X(COMMIT, "commit learned") \
	X(COMMIT_REPEAT, "commit: repeated, without payload") \
	X(RECOVER, "recovery started") \
	X(JOIN, "ballot joined") \
	X(JOIN_REPEAT, "Recover: repeated, refused, answered by Commit") \
	X(RECOVER_OK, "RecoverOK counted, late") \
	X(PROPOSE_VALUE, "recovery proposes the payload") \
	X(PROPOSE_NOP, "recovery proposes Nop") \
	X(RECOVERED, "recovery commits") \
	X(VALIDATE_START, "validation started") \
	X(VALIDATE, "validate as acceptor") \
	X(VALIDATE_OK, "ValidateOK counted") \
	X(NACK, "Nack") \
	X(FETCH, "FetchCommit answered") \
	X(PENDING, "pending") \
	X(STATUS, "Status") \
	X(EXEC_OPEN, "execute OPEN") \
	X(EXEC_PUT, "execute PUT") \
	X(EXEC_DELETE, "execute DELETE") \
	X(EXEC_CAS, "execute CAS") \
	X(EXEC_INCR, "execute INCR") \
	X(EXEC_APPEND, "execute APPEND") \
	X(EXEC_MPUT, "execute MPUT") \
	X(EXEC_GET, "execute GET") \
	X(EXEC_MGET, "execute MGET") \
	X(EXEC_EXPIRE, "execute EXPIRE") \
	X(EXEC_REPEAT, "execute a repeated update") \
	X(EXEC_NOP, "execute Nop") \
	X(EXEC_BATCH, "execute a batch, one command after the other") \
	X(COMPONENT, "inside a component of three or more") \
	X(RECYCLE, "recycle slots") \
	X(RESEND, "timers: send again, ask") \
	X(IDLE, "timers: nothing but Status") \
	X(ATTACH, "attach") \
	X(ATTACH_UNDO, "attach: undo a transaction")

enum phase {
#define PHASE_NAME(name, text) PHASE_##name,
	PHASES(PHASE_NAME)
#undef PHASE_NAME
	PHASE_COUNT
};
extern const char *const phase_texts[PHASE_COUNT];

struct ep_replica;
// What `step` does: from the replica before it and after it.
enum phase phase_of(const struct step *, const struct ep_replica *before, const struct ep_replica *after, uint32_t component);
