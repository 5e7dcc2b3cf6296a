package server

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/opsgen/opsgen/proxy/certificate"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
	"github.com/opsgen/opsgen/proxy/route"
	"github.com/opsgen/opsgen/proxy/token"
)

// state is what a request needs of the files, all of one moment. It never changes.
type state struct {
	config  config.Config
	tenants map[string]config.Tenant
	table   *route.Table
	tokens  *identity.Tokens
	public  identity.Authenticator
	// internal also takes service accounts.
	internal identity.Authenticator
	// certificates are by listener.
	publicCertificates, internalCertificates *certificate.Set
}

// authenticator is who verifies credentials on a listener.
func (s *state) authenticator(internal bool) identity.Authenticator {
	if internal {
		return s.internal
	}
	return s.public
}

// first reads everything for the first time: here nothing is forgiven but what may be missing.
func (s *Server) first() (first files, accepted []string, err error) {
	first, accepted, refused := files{}.read(s.options.ConfigFile, time.Now())
	var problems []error
	for _, r := range refused {
		if r.file == fileConfig {
			return files{}, nil, r.err // the others were looked for in the wrong places
		}
		problems = append(problems, fmt.Errorf("%s: %w", r.file, r.err))
	}
	return first, accepted, errors.Join(problems...)
}

// reload reads everything again. What is refused is told, and what was in use before stays.
func (s *Server) reload() {
	next, accepted, refused := s.files.read(s.options.ConfigFile, time.Now())
	for _, r := range refused {
		s.metrics.Loaded(r.file, false)
		s.log.Error("a changed file is refused; the version before stays in use", slog.String("file", r.file), slog.String("problem", r.err.Error()))
	}
	if len(accepted) > 0 {
		if err := s.assemble(next); err != nil {
			for _, name := range accepted {
				s.metrics.Loaded(name, false)
			}
			s.log.Error("changed files are refused; the versions before stay in use", slog.Any("files", accepted), slog.String("problem", err.Error()))
			s.files.hashes = next.hashes // the same content is not tried again
			s.reloaded.Add(1)
			return
		}
		for _, name := range accepted {
			s.metrics.Loaded(name, true)
		}
		s.warnOfFixed(s.files.config, next.config)
		s.log.Info("changed files are in use", slog.Any("files", accepted))
	}
	s.files = next
	s.watcher.Set(next.paths(s.options.ConfigFile))
	s.reloaded.Add(1)
}

// assemble makes a snapshot of files and puts it in force. Whoever holds counters or connections is told of the change;
// whoever remembers what was verified is made anew, so that a revocation holds from here on.
func (s *Server) assemble(f files) error {
	c := f.config
	if err := s.login.Reload(c, f.tenants.Tenants); err != nil {
		return fmt.Errorf("setting up the login: %w", err)
	}
	if err := s.useServiceAccounts(c.ServiceAccounts); err != nil {
		return fmt.Errorf("setting up service accounts: %w", err)
	}
	if err := s.useTracing(c); err != nil {
		return err
	}
	next := &state{
		config:               c,
		tenants:              make(map[string]config.Tenant, len(f.tenants.Tenants)),
		table:                route.New(c, f.tenants.Tenants),
		publicCertificates:   f.public,
		internalCertificates: f.internal,
	}
	names := make([]string, 0, len(f.tenants.Tenants))
	for _, tenant := range f.tenants.Tenants {
		next.tenants[tenant.Name] = tenant
		names = append(names, tenant.Name)
	}
	tokens := identity.NewTokens(&token.Verifier{
		Keys: f.keys, Revocations: f.revocations, Issuer: c.Tokens.Issuer, Audience: c.Tokens.Audience,
		Algorithms: c.Tokens.Algorithms, ClockSkew: time.Duration(c.Tokens.ClockSkew), Now: s.options.Now,
	}, names, c.Tokens.CacheEntries)
	if before := s.state.Load(); before != nil {
		tokens.After(before.tokens)
	}
	next.tokens, next.public = tokens, tokens
	next.internal = &identity.Internal{Tokens: tokens, ServiceAccounts: s.accounts.current}
	s.limiter.Update(c.Limits, f.tenants.Tenants)
	s.datadog.SetHostTags(joinHostTags(c), time.Duration(c.Limits.HostTagsKept))
	s.connections.bound.Store(int64(c.Limits.Connections))
	s.setLevel(c.Log.Level)
	s.upstreams.SetConnect(time.Duration(c.Timeouts.Connect))
	for _, f := range s.fronts {
		f.use(settingsOf(c))
	}
	before := s.state.Swap(next)
	// After the swap: between the two a caller of a tenant that is new is refused, and none is let in for one that is gone.
	s.accounts.current.SetCallers(f.tenants.Callers)
	s.streams.ask(next)
	s.tellState(before, next, f)
	return nil
}

// tellState updates the metrics about what is in use.
func (s *Server) tellState(before, next *state, f files) {
	if before != nil {
		for name := range before.tenants {
			if _, stays := next.tenants[name]; !stays {
				s.metrics.Forget(name)
			}
		}
	}
	hash := sha256.New()
	for _, name := range []string{fileConfig, fileTenants} {
		part := f.hashes[name]
		hash.Write(part[:])
	}
	s.metrics.ConfigHash(binary.BigEndian.Uint64(hash.Sum(nil)))
	for listener, set := range map[string]*certificate.Set{listenerPublic: f.public, listenerInternal: f.internal} {
		expiries := map[string]time.Time{}
		for _, expiry := range set.Expiries() {
			expiries[expiry.Name] = expiry.At
		}
		s.metrics.CertificateExpiries(listener, expiries)
	}
}

// accounts is the authenticator of service accounts, and how its fetching of keys is ended.
type accounts struct {
	current  *identity.ServiceAccounts
	settings config.ServiceAccounts
	stop     context.CancelFunc
}

// useServiceAccounts keeps the authenticator while its settings stay: it holds the keys that it fetched, which must
// survive an API server that does not answer.
func (s *Server) useServiceAccounts(c config.ServiceAccounts) error {
	if s.accounts.current != nil && s.accounts.settings == c {
		return nil
	}
	made, err := identity.NewServiceAccounts(c, nil)
	if err != nil {
		return err
	}
	made.Observe = func(err error) {
		if err != nil {
			s.log.Warn("the keys of service-account tokens cannot be fetched; those that are known stay in use", slog.String("problem", err.Error()))
		}
	}
	if s.accounts.stop != nil {
		s.accounts.stop()
	}
	ctx, stop := context.WithCancel(s.background)
	s.accounts = accounts{current: made, settings: c, stop: stop}
	s.work.Go(func() { _ = made.Run(ctx) }) // it always returns nil
	return nil
}

// warnOfFixed tells what was changed but holds from the next start on only.
func (s *Server) warnOfFixed(before, now config.Config) {
	var fields []string
	for name, changed := range map[string]bool{
		"listeners.public.address":   before.Listeners.Public.Address != now.Listeners.Public.Address,
		"listeners.internal.address": before.Listeners.Internal.Address != now.Listeners.Internal.Address,
		"listeners.admin.address":    before.Listeners.Admin.Address != now.Listeners.Admin.Address,
	} {
		if changed {
			fields = append(fields, name)
		}
	}
	if len(fields) > 0 {
		slices.Sort(fields)
		s.log.Warn("changed fields hold from the next start on", slog.Any("fields", fields))
	}
}

// joinHostTags says whether this process sees every payload of a Datadog agent, as it does alone.
func joinHostTags(c config.Config) bool { return c.Replicas == 1 }
