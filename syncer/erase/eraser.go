package erase

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/frontdoor"
)

// Door sends a request for a tenant; frontdoor.Client does.
type Door interface {
	Do(ctx context.Context, tenant, method, path string, body []byte) ([]byte, error)
}

// Options are what an Eraser works with.
type Options struct {
	// Config is syncer.yaml, with its defaults.
	Config config.Config
	// Records is the ConfigMap with the records.
	Records client.ObjectKey
	// Door leads to Cortex and Loki.
	Door Door
	// API reads from the API server itself.
	API client.Reader
	// Writer writes the records.
	Writer client.Writer
	// Metrics gets the metrics.
	Metrics prometheus.Registerer
	// Log gets what happens.
	Log *slog.Logger
}

// Eraser deletes what removed tenants left. One works at a time, on the leader.
type Eraser struct {
	Options

	records *records
	states  *prometheus.GaugeVec // state
	now     func() time.Time
}

// New prepares an eraser; nothing is read or deleted yet.
func New(o Options) (*Eraser, error) {
	states := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "opsgen_syncer_erasures", Help: "Removed tenants whose data is to be deleted, by how far that is.",
	}, []string{"state"})
	if err := o.Metrics.Register(states); err != nil {
		return nil, fmt.Errorf("register metrics of erasures: %w", err)
	}
	return &Eraser{Options: o, records: &records{o.API, o.Writer, o.Records}, states: states, now: time.Now}, nil
}

// Start works until the context ends. The error is always nil.
func (e *Eraser) Start(ctx context.Context) error {
	timer := time.NewTicker(time.Duration(e.Config.Erase.Interval))
	defer timer.Stop()
	for {
		if err := e.Run(ctx); err != nil && ctx.Err() == nil {
			e.Log.Warn("not all is erased that shall be", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// NeedLeaderElection says that it works on the leader only.
func (e *Eraser) NeedLeaderElection() bool { return true }

// Run goes once through the list. The error is the first one of a tenant; the others are worked on all the same.
func (e *Eraser) Run(ctx context.Context) error {
	list, err := Read(e.Config.Erase.File)
	if err != nil {
		return err
	}
	known, err := e.records.all(ctx)
	if err != nil {
		return err
	}
	var first error
	states := map[State]int{}
	for _, entry := range list {
		before, seen := known[entry.ID]
		delete(known, entry.ID)
		after, err := e.one(ctx, entry, before, seen)
		if err != nil && first == nil {
			first = fmt.Errorf("tenant %s (%s): %w", entry.Name, entry.ID, err)
		}
		states[after.State]++
	}
	// A mark that was taken back: what was asked for is done all the same, and the record would be believed next time.
	for id := range known {
		if err := e.records.put(ctx, id, nil); err != nil && first == nil {
			first = err
		}
	}
	for _, state := range []State{Waiting, Erasing, Erased, Refused} {
		e.states.WithLabelValues(string(state)).Set(float64(states[state]))
	}
	return first
}

// one works on one tenant and writes its record if it says something new.
func (e *Eraser) one(ctx context.Context, entry Entry, before Record, seen bool) (Record, error) {
	now := e.now().UTC().Truncate(time.Second)
	interval, settle := time.Duration(e.Config.Erase.Interval), time.Duration(e.Config.Erase.Settle)
	r := before
	r.Tenant = entry.Name
	if !seen {
		r.Seen = now
	}
	var err error
	switch {
	case now.Before(r.Seen.Add(settle)):
		r.State = Waiting
		r.Message = "the deletion begins at " + r.Seen.Add(settle).Format(time.RFC3339) + "; until then the mark can be taken out of Git"
	case r.State == Erased && now.Before(r.Checked.Add(again*interval)):
		// Looked at again now and then: an ingester that was away comes back with what it held.
	default:
		err = e.work(ctx, frontdoor.Removed(entry.ID), now, &r)
		if r.judge(now, err); r.State == Refused {
			err = nil // it is a state, told when it begins
		}
	}
	if r.State != before.State {
		e.Log.Info("erasure", "tenant", entry.Name, "id", entry.ID, "state", r.State, "message", r.Message)
	}
	if seen && r == before {
		return r, err
	}
	if failed := e.records.put(ctx, entry.ID, &r); failed != nil && err == nil {
		err = failed
	}
	return r, err
}

// again is after how many intervals a request is repeated that did not help, and what is erased is looked at again.
const again = 12

// work asks for what was not asked for, and counts what is left. It goes from what makes data to the data.
func (e *Eraser) work(ctx context.Context, tenant string, now time.Time, r *Record) error {
	r.Left = Left{}
	if !e.Config.Metrics.Disabled {
		if err := e.metrics(ctx, tenant, now, r); err != nil {
			return err
		}
	}
	if !e.Config.Logs.Disabled {
		if err := e.logs(ctx, tenant, now, r); err != nil {
			return err
		}
	}
	r.Checked = &now
	return nil
}

func (e *Eraser) metrics(ctx context.Context, tenant string, now time.Time, r *Record) (err error) {
	groups, err := e.rules(ctx, tenant, e.Config.Metrics.RulesPath)
	if err != nil {
		return err
	}
	alerting, err := e.alerting(ctx, tenant)
	if err != nil {
		return err
	}
	r.Left.Rules += groups + alerting
	if r.MetricsAsked == nil {
		if err := e.deleteMetrics(ctx, tenant); err != nil {
			return err
		}
		r.MetricsAsked = &now
	}
	if r.Left.Blocks, err = e.blocks(ctx, tenant); err != nil {
		return err
	}
	if r.Left.Series, err = e.series(ctx, tenant, now); err != nil {
		return err
	}
	// Cortex takes its mark away six hours after the last block. What comes later needs another one; a new mark while
	// there is one would only begin the six hours again.
	late := r.Erased != nil || now.Sub(*r.MetricsAsked) > day
	if late && (r.Left.Blocks || r.Left.Series > 0) && now.Sub(*r.MetricsAsked) > again*time.Duration(e.Config.Erase.Interval) {
		r.MetricsAsked = nil // with the next run
	}
	return nil
}

const day = 24 * time.Hour

func (e *Eraser) logs(ctx context.Context, tenant string, now time.Time, r *Record) error {
	groups, err := e.rules(ctx, tenant, e.Config.Logs.RulesPath)
	if err != nil {
		return err
	}
	r.Left.Rules += groups
	if r.LogsAsked == nil {
		if err := e.deleteLogs(ctx, tenant, now); err != nil {
			return err
		}
		r.LogsAsked = &now
	}
	if r.Left.Requests, err = e.requests(ctx, tenant); err != nil {
		return err
	}
	if r.Left.Streams, err = e.streams(ctx, tenant, now); err != nil {
		return err
	}
	// A stream that is there although all requests are carried out was not in the index yet when they were.
	if r.Left.Requests == 0 && r.Left.Streams > 0 && now.Sub(*r.LogsAsked) > again*time.Duration(e.Config.Erase.Interval) {
		r.LogsAsked = nil // with the next run
	}
	return nil
}

// judge turns what was found into a state and words.
func (r *Record) judge(now time.Time, err error) {
	switch known := frontdoor.As(err); {
	case known != nil && known.Status == http.StatusForbidden && strings.Contains(known.Message, "this tenant is not removed"):
		r.State, r.Message = Refused, "the proxy says that this tenant exists: nothing of it is deleted; take the mark out of tenants/removed.yaml"
	case err != nil:
		r.State, r.Message = Erasing, "tried again: "+err.Error()
	case !r.Left.Nothing():
		r.State, r.Message = Erasing, "left: "+r.Left.words()
	default:
		r.State, r.Message = Erased, "Cortex and Loki show nothing of it; `opsgen tenant erased` tells what is in the buckets"
		if r.Erased == nil {
			r.Erased = &now
		}
	}
}

// words says what is left, and what makes it go.
func (l Left) words() string {
	var all []string
	if l.Rules > 0 {
		all = append(all, fmt.Sprintf("rules and configurations, deleted now (%d)", l.Rules))
	}
	if l.Blocks {
		all = append(all, "blocks of metrics, which Cortex' compactor deletes within 15 minutes")
	}
	if l.Series > 0 {
		all = append(all, fmt.Sprintf("series in ingesters, which look for the mark once an hour (%d)", l.Series))
	}
	if l.Requests > 0 {
		all = append(all, fmt.Sprintf("requests to delete logs, which Loki carries out after 24 hours (%d)", l.Requests))
	}
	if l.Streams > 0 {
		all = append(all, fmt.Sprintf("streams of logs (%d)", l.Streams))
	}
	return strings.Join(all, "; ")
}
