package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/opsgen/opsgen/bootstrap/display"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/install"
)

func newUpCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up CLUSTER",
		Short: "Make everything, install Flux, and wait until the bundle is ready",
		Long: `Up makes what is missing and changes what differs. It may be stopped or killed at any moment: the next run finds what
is there and goes on. It ends when Flux has applied every layer, or says which is not ready and why.

The repository's credentials (source.secret in cluster.yaml) are taken from OPSGEN_GIT_TOKEN or --git-token-file for
https, and from --git-key-file for ssh; without a key, one is made and its public part is shown. The keys of an
S3-compatible storage are taken from OPSGEN_S3_ACCESS_KEY and OPSGEN_S3_SECRET_KEY.`,
		Example: `  bootstrap up clusters/prod
  bootstrap up clusters/prod --yes --timeout 1h     in a pipeline
  bootstrap up clusters/prod --until buckets        a part of it
  bootstrap up clusters/prod --first-token payments and a token to try it with`,
		Args: oneCluster, ValidArgsFunction: a.completeCluster,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			s, err := a.open(cmd.Context(), arguments[0])
			if err != nil {
				return err
			}
			return s.up(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.Bool("yes", false, "do not ask")
	flags.String("until", "", "stop after this phase")
	flags.Duration("timeout", 0, "the longest time that all of it may take (default: an hour, or half as long again as the plan says)")
	flags.String("git-token-file", "", "file with the token that Flux reads the repository with")
	flags.String("git-key-file", "", "file with the private key that Flux reads the repository with")
	flags.String("git-known-hosts", "", "file with the keys of the repository's host")
	flags.String("first-token", "", "sign a token for this tenant at the end, and print it; it is good for a day")
	namedFlags(flags)
	return cmd
}

func (s *session) up(ctx context.Context) error {
	r, err := s.report(ctx)
	if err != nil {
		return err
	}
	if broken := r.broken(); broken > 0 {
		s.printReport(r)
		return failedCheck{number(broken, "problem") + " to solve first; nothing was changed"}
	}
	if err := s.agree(r); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.limit(r.Takes))
	defer cancel()
	began := time.Now()
	err = s.hold(ctx, "up", func(ctx context.Context) error { return s.makeAll(ctx, r.Steps) })
	if err != nil {
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return context.DeadlineExceeded
		}
		return err
	}
	first := ""
	if tenant := s.settings.GetString("first-token"); tenant != "" && s.until() == "" {
		if first, err = s.signFirst(tenant, time.Now().UTC().Truncate(time.Second)); err != nil {
			return err
		}
	}
	if s.json() {
		result := map[string]any{"cluster": s.cluster.Name, "ready": s.until() == "", "took": time.Since(began)}
		if first != "" {
			result["token"] = first
		}
		return s.writeJSON(result)
	}
	s.printReady(time.Since(began), first)
	return nil
}

// usualLimit is the longest time of a run that is expected to take less.
const usualLimit = time.Hour

// limit is the longest time that a run may take: upgrades of many nodes take hours.
func (s *session) limit(expected time.Duration) time.Duration {
	if given := s.settings.GetDuration("timeout"); given > 0 {
		return given
	}
	return max(usualLimit, expected*3/2)
}

// agree asks, when something would be made. Without somebody to ask, --yes is the answer.
func (s *session) agree(r *report) error {
	if found := r.Steps.Count(engine.ActionNone); found > 0 {
		fmt.Fprintf(s.stderr, "found %d of %d as they should be\n", found, len(r.Steps))
	}
	if s.settings.GetBool("yes") { // nobody reads the report, but a log keeps the doubts
		for _, c := range problems(r.Checks) {
			fmt.Fprintf(s.stderr, "%-11s%s: %s\n           %s\n", "doubt", c.Name, c.Problem, c.Hint)
		}
	}
	if s.settings.GetBool("yes") || r.Steps.Count(engine.ActionCreate, engine.ActionChange, engine.ActionReplace, engine.ActionDelete) == 0 {
		return nil
	}
	s.printReport(r)
	if file, ok := s.stdin.(*os.File); ok && !term.IsTerminal(int(file.Fd())) {
		return usage("there is nobody to ask: add --yes to do this")
	}
	return s.ask("type yes to do this: ", "yes")
}

// ask goes on when the answer is the wanted word.
func (s *session) ask(question, wanted string) error {
	fmt.Fprint(s.stderr, question)
	answer, err := bufio.NewReader(s.stdin).ReadString('\n')
	if strings.TrimSpace(answer) == wanted {
		return nil
	}
	if err != nil {
		fmt.Fprintln(s.stderr)
	}
	return failedCheck{"nothing was changed"}
}

// makeAll runs the graph and shows it.
func (s *session) makeAll(ctx context.Context, plan engine.Plan) error {
	shown := display.New(s.stderr, plan)
	o := s.options()
	o.Until = s.until()
	waiting := map[string]string{}
	o.Events = func(e engine.Event) {
		shown.Event(e)
		if waiting[e.Resource] = e.Detail; e.Final() {
			delete(waiting, e.Resource)
		}
		if text := s.toDo(e); text != "" {
			shown.Note(text)
		}
	}
	_, err := s.graph.Up(ctx, o)
	shown.Close()
	if err != nil && ctx.Err() != nil {
		for _, name := range slices.Sorted(maps.Keys(waiting)) {
			fmt.Fprintf(s.stderr, "not done    %s: %s\n", name, waiting[name])
		}
	}
	return err
}

// toDo is what a person must do after something was made, outside of what bootstrap reaches; empty for nothing.
func (s *session) toDo(e engine.Event) string {
	switch {
	case e.What != engine.Created || e.Detail == "":
		return ""
	case e.Resource == install.GitSecret:
		return "Let this key read the repository " + s.git.URL + " (a deploy key without the right to write):\n  " + e.Detail
	case e.Resource == "dns/zone":
		return "Enter NS records for " + s.cluster.DNS.Zone + " in the zone above it, so that it is found:\n  " + e.Detail
	}
	return ""
}

// printReady says where everything is, and what to do next.
func (s *session) printReady(took time.Duration, first string) {
	if until := s.until(); until != "" {
		fmt.Fprintf(s.stdout, "done until %s, %s\n", until, display.Duration(took))
		return
	}
	domain := s.cluster.Domain
	fmt.Fprintf(s.stdout, "ready, %s. https://TENANT.%s · metrics.%s · logs.%s\n", display.Duration(took), domain, domain, domain)
	if first != "" {
		fmt.Fprintf(s.stderr, "a token of %s for a day, which is shown nowhere else; revoke it when somebody saw it:\n", s.settings.GetString("first-token"))
		fmt.Fprintln(s.stdout, first)
	}
	fmt.Fprintf(s.stdout, "next: opsgen token issue system --cluster %s --for curl\n", s.cluster.Name)
}
