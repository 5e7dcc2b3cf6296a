package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/keys"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/proxy/token"
)

func newTokenInspectCommand(a *app) *cobra.Command {
	var clusterName string
	cmd := &cobra.Command{
		Use:   "inspect FILE|-",
		Short: "Show what a token says, and whether it is valid",
		Long: `Inspect shows the claims of a token, and whether the cluster would accept it with the keys and revocations that are here,
and if not, why; the exit code is 1 then. The token itself is never printed.`,
		Example: "  opsgen token inspect payments-metrics-write.token\n  pbpaste | opsgen token inspect - --cluster prod",
		Args:    oneArgument("a file with a token, or - for standard input"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return a.inspect(cmd.InOrStdin(), arguments[0], clusterName)
		},
	}
	a.clusterFlag(cmd, &clusterName)
	return cmd
}

// inspected is the result of token inspect.
type inspected struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	Issuer    string    `json:"issuer"`
	Audience  []string  `json:"audience"`
	Tenant    string    `json:"tenant"`
	Scopes    []string  `json:"scopes"`
	IssuedAt  time.Time `json:"issuedAt"`
	NotBefore time.Time `json:"notBefore"`
	Expires   time.Time `json:"expires"`
	Cluster   string    `json:"cluster"`
	Valid     bool      `json:"valid"`
	Reason    string    `json:"reason,omitempty"`
	Detail    string    `json:"detail,omitempty"`
}

// readToken reads a token from a file, or from standard input for "-".
func readToken(stdin io.Reader, file string) (string, error) {
	in := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("the token cannot be read: %w", err)
		}
		defer opened.Close()
		in = opened
	}
	data, err := io.ReadAll(io.LimitReader(in, token.MaxBytes+2))
	if err != nil {
		return "", fmt.Errorf("the token cannot be read: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

func (a *app) inspect(stdin io.Reader, file, clusterName string) error {
	raw, err := readToken(stdin, file)
	if err != nil {
		return err
	}
	claims, err := token.Peek(raw)
	if err != nil {
		return err
	}
	if clusterName == "" && len(claims.Audience) == 1 {
		clusterName = claims.Audience[0]
	}
	repo, folder, err := a.keysOf(clusterName)
	if err != nil {
		return err
	}
	result := inspected{
		ID: claims.ID, Key: claims.KeyID, Issuer: claims.Issuer, Audience: claims.Audience, Tenant: claims.Tenant,
		IssuedAt: claims.IssuedAt, NotBefore: claims.NotBefore, Expires: claims.Expires, Cluster: clusterName, Valid: true,
	}
	for _, scope := range claims.Scopes {
		result.Scopes = append(result.Scopes, string(scope))
	}
	_, err = folder.Verifier(nil).Verify(raw)
	var refused *token.Error
	switch {
	case errors.As(err, &refused):
		result.Valid, result.Reason, result.Detail = false, string(refused.Reason), refused.Detail
	case checkTenant(repo, claims.Tenant, clusterName) != nil:
		result.Valid, result.Reason, result.Detail = false, "tenant", fmt.Sprintf("tenant %q does not live on cluster %s", claims.Tenant, clusterName)
	}
	return a.printInspected(&result)
}

func (a *app) printInspected(r *inspected) error {
	var invalid error
	if !r.Valid {
		invalid = errNotValid
	}
	if a.json() {
		return errors.Join(a.writeJSON(r), invalid)
	}
	// What a stranger wrote is quoted: a terminal must not obey it.
	for _, line := range [][2]string{
		{"tenant", fmt.Sprintf("%q", r.Tenant)},
		{"scopes", strings.Join(r.Scopes, ", ")},
		{"id", fmt.Sprintf("%q", r.ID)},
		{"key", fmt.Sprintf("%q", r.Key)},
		{"issuer", fmt.Sprintf("%q", r.Issuer)},
		{"audience", fmt.Sprintf("%q", r.Audience)},
		{"issued", date(r.IssuedAt)},
		{"valid from", date(r.NotBefore)},
		{"expires", date(r.Expires)},
	} {
		fmt.Fprintf(a.stdout, "%-11s %s\n", line[0], line[1])
	}
	if r.Valid {
		fmt.Fprintf(a.stdout, "valid for cluster %s\n", r.Cluster)
	} else {
		fmt.Fprintf(a.stdout, "NOT VALID for cluster %s (%s): %s\n", r.Cluster, r.Reason, r.Detail)
	}
	return invalid
}

func date(t time.Time) string {
	if t.IsZero() {
		return "missing"
	}
	return t.UTC().Format(time.RFC3339)
}

// revoke are the flags of token revoke.
type revoke struct {
	id, cluster, key, before, tenant, reason, file string
}

func newTokenRevokeCommand(a *app) *cobra.Command {
	var r revoke
	cmd := &cobra.Command{
		Use:   "revoke ID|--token FILE|--key KEY-ID|--before TIME --cluster CLUSTER --reason TEXT",
		Short: "Revoke a token, a key, or all tokens issued before a time",
		Long: `Revoke adds an entry to clusters/CLUSTER/keys/revocations.yaml. It holds once it is merged and rolled out, without a
restart. With --before "now" all tokens of a tenant (--tenant), or of all, that were issued until now are refused.`,
		Example: `  opsgen token revoke 7f3a… --cluster prod --reason "in a public log"
  opsgen token revoke --token leaked.token --cluster prod --reason "in a public log"
  opsgen token revoke --before now --tenant payments --cluster prod --reason "a laptop was stolen"`,
		Args: atMostOne("one token's ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				r.id = arguments[0]
			}
			return a.revoke(cmd.InOrStdin(), r)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	a.clusterFlag(cmd, &r.cluster)
	flags := cmd.Flags()
	flags.StringVar(&r.file, "token", "", "file with the token to revoke, or - for standard input")
	flags.StringVar(&r.key, "key", "", "revoke this key and whatever it signed")
	flags.StringVar(&r.before, "before", "", `revoke what was issued before a time ("now", "2026-11-21", "2026-11-21T08:00:00Z")`)
	flags.StringVar(&r.tenant, "tenant", "", "with --before: of this tenant only")
	flags.StringVar(&r.reason, "reason", "", "why, for those who read the list")
	a.completes(cmd, "tenant", func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return a.completeTenant(cmd, nil, word)
	})
	return cmd
}

// check refuses what cannot be meant.
func (r *revoke) check() error {
	chosen := 0
	for _, choice := range []string{r.id, r.file, r.key, r.before} {
		if choice != "" {
			chosen++
		}
	}
	switch {
	case chosen != 1:
		return usage("write exactly one of: a token's ID, --token FILE, --key KEY-ID, --before TIME")
	case r.tenant != "" && r.before == "":
		return usage("--tenant goes with --before; a token or key is revoked by its ID alone")
	case strings.TrimSpace(r.reason) == "":
		return usage("--reason is missing; write why, for those who read the list in a year")
	}
	return nil
}

func (a *app) revoke(stdin io.Reader, r revoke) error {
	if err := r.check(); err != nil {
		return err
	}
	repo, folder, err := a.keysOf(r.cluster)
	if err != nil {
		return err
	}
	var what string
	switch {
	case r.key != "":
		what, err = "key "+r.key, a.revokeKey(folder, r)
	case r.before != "":
		what, err = revokeBefore(repo, folder, r)
	default:
		what, err = revokeToken(stdin, folder, r)
	}
	if err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(map[string]string{"revoked": what, "file": folder.RevocationsFile()})
	}
	_, err = fmt.Fprintf(a.stdout, "revoked %s in %s\nnext: opsgen render %s && git add clusters/%s; it holds once merged and rolled out\n",
		what, folder.RevocationsFile(), r.cluster, r.cluster)
	return err
}

// revokeKey takes any name, since a key that was removed may be revoked too, but says when no key has it.
func (a *app) revokeKey(folder *keys.Folder, r revoke) error {
	var ids []string
	for _, key := range folder.Set.Keys() {
		ids = append(ids, key.ID)
	}
	if !slices.Contains(ids, r.key) && len(ids) > 0 {
		fmt.Fprintf(a.stderr, "note: %s has no key %q%s\n", folder.KeysFile(), r.key, suggestion(r.key, ids, "; keys are "))
	}
	return folder.RevokeKey(token.RevokedKey{ID: r.key, Reason: r.reason})
}

func revokeBefore(repo *repository.Repository, folder *keys.Folder, r revoke) (what string, err error) {
	if r.tenant != "" {
		if err := checkTenant(repo, r.tenant, r.cluster); err != nil {
			return "", err
		}
	}
	when, err := moment(r.before)
	if err != nil {
		return "", err
	}
	return "tokens issued before " + date(when), folder.RevokeBefore(token.IssuedBefore{Time: when, Tenant: r.tenant, Reason: r.reason})
}

func revokeToken(stdin io.Reader, folder *keys.Folder, r revoke) (what string, err error) {
	entry, err := revokedToken(stdin, r)
	if err != nil {
		return "", err
	}
	return "token " + entry.ID, folder.RevokeToken(entry)
}

// revokedToken is the entry for a token by its ID, or by itself: then it is known when the entry may be removed.
func revokedToken(stdin io.Reader, r revoke) (token.RevokedToken, error) {
	entry := token.RevokedToken{ID: r.id, Reason: r.reason}
	if r.file == "" {
		if strings.Count(r.id, ".") == 2 && len(r.id) > token.MaxIDBytes {
			return entry, usage("this is a token, not its ID, and it is in your shell's history now; revoke it with --token FILE")
		}
		return entry, nil
	}
	raw, err := readToken(stdin, r.file)
	if err != nil {
		return entry, err
	}
	claims, err := token.Peek(raw)
	if err != nil {
		return entry, err
	}
	entry.ID = claims.ID
	if !claims.Expires.IsZero() {
		entry.Until = &claims.Expires
	}
	return entry, nil
}

func moment(text string) (time.Time, error) {
	if text == "now" {
		return time.Now().UTC().Truncate(time.Second).Add(time.Second), nil // what was issued in this second, too
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if when, err := time.Parse(layout, text); err == nil {
			return when, nil
		}
	}
	return time.Time{}, usage(`--before is %q; write now, a day such as 2026-11-21, or a time such as 2026-11-21T08:00:00Z`, text)
}
