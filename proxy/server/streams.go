package server

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/opsgen/opsgen/proxy/identity"
)

// Why a stream was ended before either side wanted to.
var (
	errExpired = errors.New("expired")
	errRevoked = errors.New("revoked")
)

// streams are the requests that may last for ever: tails and other WebSockets.
//
// The threat is a credential that is over, or was revoked because it was stolen, but goes on reading through a connection
// that it opened while it was good. So a stream ends when its credential does, and is asked for again at each reload.
type streams struct {
	mutex sync.Mutex
	open  map[*stream]struct{}
}

type stream struct {
	may func(*state) bool
	end context.CancelCauseFunc
}

// follow gives a request that was let in under a state the life of its credential. done must be called when it is over; it says what ended it, nil when
// that was one of the two sides.
func (s *Server) follow(r *http.Request, under *state, expires time.Time, may func(*state) bool) (followed *http.Request, done func() error) {
	ctx, end := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(time.Until(expires), func() { end(errExpired) })
	entry := &stream{may: may, end: end}
	s.streams.add(entry)
	// A reload since it was let in has not asked it.
	if now := s.state.Load(); now != under {
		entry.ask(now)
	}
	return r.WithContext(ctx), func() error {
		timer.Stop()
		s.streams.remove(entry)
		cause := context.Cause(ctx)
		end(nil)
		if errors.Is(cause, errExpired) || errors.Is(cause, errRevoked) {
			return cause
		}
		return nil
	}
}

func (s *streams) add(entry *stream) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.open == nil {
		s.open = map[*stream]struct{}{}
	}
	s.open[entry] = struct{}{}
}

func (s *streams) remove(entry *stream) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.open, entry)
}

// ask ends the streams that may not go on under what was read now.
func (s *streams) ask(now *state) {
	s.mutex.Lock()
	open := slices.Collect(maps.Keys(s.open))
	s.mutex.Unlock()
	for _, entry := range open {
		entry.ask(now)
	}
}

func (s *stream) ask(now *state) {
	if !s.may(now) {
		s.end(errRevoked)
	}
}

// mayGoOn says that a caller would still be let in for what it is doing. Keys that are not known for the moment end
// nothing.
func (x *exchange) mayGoOn() func(*state) bool {
	if x.may != nil {
		return x.may
	}
	raw, tenant, scope, internal := x.raw, x.tenant, x.match.Scope, x.internal
	return func(now *state) bool {
		caller, err := now.authenticator(internal).Authenticate(raw)
		if err != nil {
			return errors.Is(err, identity.ErrUnavailable)
		}
		_, known := now.tenants[tenant]
		return known && caller.Scopes.Has(scope) && (caller.AnyTenant || caller.Tenant == tenant)
	}
}
