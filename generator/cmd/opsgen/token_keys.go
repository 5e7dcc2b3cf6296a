package main

import (
	"fmt"
	"regexp"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/keys"
	"github.com/opsgen/opsgen/proxy/token"
)

// keygen are the flags of token keygen and token rotate.
type keygen struct {
	cluster, id, file, public, retire string
}

func (k *keygen) flags(a *app, cmd *cobra.Command) {
	a.clusterFlag(cmd, &k.cluster)
	cmd.Flags().StringVar(&k.id, "key-id", "", "the key's name (default: year and month)")
	cmd.Flags().StringVar(&k.file, "key", "", "file for the private key (default: opsgen/keys/CLUSTER/KEY-ID.pem in the user's configuration folder)")
	cmd.Flags().StringVar(&k.public, "public-key", "", "PEM file with the public key of a key that a KMS holds; nothing is made then")
	a.completes(cmd, "key-id", cobra.NoFileCompletions)
}

func newTokenKeygenCommand(a *app) *cobra.Command {
	var k keygen
	cmd := &cobra.Command{
		Use:   "keygen --cluster CLUSTER",
		Short: "Make a cluster's first key",
		Long: `Keygen makes an Ed25519 key. The private key is written outside of the repository, readable by you only, and never
overwritten; the public one goes to clusters/CLUSTER/keys/jwks.json. With --public-key it takes in the public half of a key
that a KMS holds (Ed25519, EC on P-256 or RSA).`,
		Example: "  opsgen token keygen --cluster prod\n  opsgen token keygen --cluster prod --key-id kms-2026 --public-key kms.pub",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, folder, err := a.keysOf(k.cluster)
			if err != nil {
				return err
			}
			if len(folder.Set.Keys()) > 0 {
				return usage("%s has a key already; to make another one: opsgen token rotate --cluster %s", folder.KeysFile(), k.cluster)
			}
			return a.makeKey(folder, k)
		},
	}
	k.flags(a, cmd)
	return cmd
}

func newTokenRotateCommand(a *app) *cobra.Command {
	var k keygen
	cmd := &cobra.Command{
		Use:   "rotate --cluster CLUSTER [--retire KEY-ID]",
		Short: "Make the next key, or retire an old one",
		Long: `Rotate makes a second key, which signs from then on; tokens of the old one stay valid. Once they have been replaced,
or are expired, --retire removes the old key: whatever it signed is refused then.`,
		Example: "  opsgen token rotate --cluster prod\n  opsgen token rotate --cluster prod --retire 2026-11",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, folder, err := a.keysOf(k.cluster)
			if err != nil {
				return err
			}
			if k.retire != "" {
				return a.retire(folder, k.retire)
			}
			if len(folder.Set.Keys()) == 0 {
				return usage("cluster %s has no key yet; make one: opsgen token keygen --cluster %s", k.cluster, k.cluster)
			}
			return a.makeKey(folder, k)
		},
	}
	k.flags(a, cmd)
	cmd.Flags().StringVar(&k.retire, "retire", "", "remove this key instead of making one")
	a.completes(cmd, "retire", cobra.NoFileCompletions)
	return cmd
}

// keyID is what can be a file's name everywhere.
var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// madeKey is the result of keygen and rotate.
type madeKey struct {
	ID          string `json:"id"`
	Algorithm   string `json:"algorithm"`
	PublicFile  string `json:"publicFile"`
	PrivateFile string `json:"privateFile,omitempty"`
	// Previous are the keys that were there before.
	Previous []string `json:"previous,omitempty"`
}

func (a *app) makeKey(folder *keys.Folder, k keygen) error {
	now := time.Now().UTC().Truncate(time.Second)
	made := madeKey{ID: k.id, PublicFile: folder.KeysFile()}
	if made.ID == "" {
		made.ID = folder.NewID(now)
	}
	if !keyID.MatchString(made.ID) {
		return usage("%q cannot be a key's name: use up to 63 letters, digits, dots and dashes", made.ID)
	}
	if folder.Taken(made.ID) {
		return usage("there is, or was, a key %q already; choose another name with --key-id", made.ID)
	}
	for _, key := range folder.Set.Keys() {
		made.Previous = append(made.Previous, key.ID)
	}
	if err := a.addKey(folder, k, &made, now); err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(made)
	}
	fmt.Fprintf(a.stdout, "key %s (%s)\n", made.ID, made.Algorithm)
	if made.PrivateFile != "" {
		fmt.Fprintf(a.stdout, "  private  %s  (0600; keep a copy in a safe place, and never in Git)\n", made.PrivateFile)
	}
	fmt.Fprintf(a.stdout, "  public   %s\nnext: opsgen render %s && git add clusters/%s && open a pull request\n", made.PublicFile, k.cluster, k.cluster)
	for _, previous := range made.Previous {
		fmt.Fprintf(a.stdout, "then issue new tokens; tokens of key %s with the usual %s are over on %s:\n  opsgen token rotate --cluster %s --retire %s\n",
			previous, usualExpiry, day(now.Add(time.Duration(usualExpiry))), k.cluster, previous)
	}
	return nil
}

// addKey makes or reads the key, and adds its public half.
func (a *app) addKey(folder *keys.Folder, k keygen, made *madeKey, now time.Time) error {
	root, err := a.root()
	if err != nil {
		return err
	}
	if k.public != "" {
		public, err := keys.ReadPublic(k.public)
		if err != nil {
			return err
		}
		made.Algorithm = string(token.AlgorithmOf(public))
		return folder.Add(made.ID, public, now)
	}
	if made.PrivateFile = k.file; k.file == "" {
		if made.PrivateFile, err = keys.PrivateFile(folder.Cluster, made.ID); err != nil {
			return err
		}
	}
	public, err := keys.Generate(root, made.PrivateFile)
	if err != nil {
		return err
	}
	made.Algorithm = string(token.AlgorithmOf(public))
	return folder.Add(made.ID, public, now)
}

func (a *app) retire(folder *keys.Folder, kid string) error {
	var ids []string
	for _, key := range folder.Set.Keys() {
		ids = append(ids, key.ID)
	}
	if _, there := folder.Set.Find(kid); !there {
		return usage("%s has no key %q%s", folder.KeysFile(), kid, suggestion(kid, ids, "; keys are "))
	}
	if len(ids) == 1 {
		return usage("%q is the only key of cluster %s: without it nobody gets in. Make the next one first: opsgen token rotate --cluster %s",
			kid, folder.Cluster, folder.Cluster)
	}
	if err := folder.Remove(kid); err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(map[string]string{"retired": kid, "publicFile": folder.KeysFile()})
	}
	_, err := fmt.Fprintf(a.stdout, "removed key %s from %s; its tokens are refused once this is merged\nnext: opsgen render %s && git add clusters/%s\n",
		kid, folder.KeysFile(), folder.Cluster, folder.Cluster)
	return err
}

func newTokenListCommand(a *app) *cobra.Command {
	var clusterName string
	cmd := &cobra.Command{
		Use:   "list --cluster CLUSTER",
		Short: "List a cluster's keys and revocations",
		Long: `List shows the public keys and what is revoked. Tokens themselves are not listed: nothing remembers them but who holds
them, and the proxy's log, which names their IDs.`,
		Example: "  opsgen token list --cluster prod\n  opsgen token list --cluster prod -o json",
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return a.listKeys(clusterName) },
	}
	a.clusterFlag(cmd, &clusterName)
	return cmd
}

// listed is a line of token list.
type listed struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Date   string `json:"date,omitempty"`
	Detail string `json:"detail"`
}

func (a *app) listKeys(clusterName string) error {
	_, folder, err := a.keysOf(clusterName)
	if err != nil {
		return err
	}
	lines := []listed{}
	for _, key := range folder.Set.Keys() {
		line := listed{Kind: "key", ID: key.ID, Detail: string(key.Algorithm)}
		if !key.Created.IsZero() {
			line.Date = day(key.Created)
		}
		lines = append(lines, line)
	}
	revoked := folder.Revocations.List()
	for _, key := range revoked.Keys {
		lines = append(lines, listed{Kind: "revoked key", ID: key.ID, Detail: key.Reason})
	}
	for _, entry := range revoked.Tokens {
		line := listed{Kind: "revoked token", ID: entry.ID, Detail: entry.Reason}
		if entry.Until != nil {
			line.Date = day(*entry.Until)
			if entry.Until.Before(time.Now()) {
				line.Detail += " (expired; the entry may be removed)"
			}
		}
		lines = append(lines, line)
	}
	for _, entry := range revoked.IssuedBefore {
		tenant := entry.Tenant
		if tenant == "" {
			tenant = "all tenants"
		}
		lines = append(lines, listed{Kind: "revoked before", ID: tenant, Date: entry.Time.UTC().Format(time.RFC3339), Detail: entry.Reason})
	}
	if a.json() {
		return a.writeJSON(lines)
	}
	if len(lines) == 0 {
		_, err := fmt.Fprintf(a.stdout, "cluster %s has no key yet; make one: opsgen token keygen --cluster %s\n", clusterName, clusterName)
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tNAME\tDATE\tDETAIL")
	for _, line := range lines {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", line.Kind, line.ID, line.Date, line.Detail)
	}
	return table.Flush()
}
