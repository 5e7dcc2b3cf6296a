package identity

import (
	"crypto/sha256"
	"sync"

	"github.com/opsgen/opsgen/proxy/token"
)

// mostRefusals bounds the tokens that are remembered as refused.
const mostRefusals = 4096

// refusals remembers tokens that will be refused until the next reload, whenever they come.
//
// The threat is none but waste: agents whose token has expired go on sending it, and each time it would cost a signature.
// A stranger can fill the memory, which is then forgotten as a whole: that costs what it would have cost without it.
type refusals struct {
	mutex sync.RWMutex
	known map[[sha256.Size]byte]*token.Error
}

// find is why a token was refused, nil for one that is not remembered.
func (r *refusals) find(raw string) *token.Error {
	if len(raw) > token.MaxBytes {
		return nil
	}
	hash := sha256.Sum256([]byte(raw))
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	return r.known[hash]
}

// put remembers a refusal that cost a signature and cannot change.
func (r *refusals) put(raw string, refused *token.Error) {
	if !refused.Reason.Costly() || refused.Reason == token.ReasonNotYetValid {
		return
	}
	hash := sha256.Sum256([]byte(raw))
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.known == nil || len(r.known) >= mostRefusals {
		r.known = map[[sha256.Size]byte]*token.Error{}
	}
	r.known[hash] = refused
}
