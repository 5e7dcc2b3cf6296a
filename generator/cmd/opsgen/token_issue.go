package main

import (
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/keys"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/token"
)

// usualExpiry is how long a token is valid unless told otherwise; longer ones are warned about.
const usualExpiry = quantity.Duration(90 * 24 * time.Hour)

// issue are the flags of token issue.
type issue struct {
	tenant, cluster, expires, agent, key, keyID, command, out string
	scopes                                                    []string
	stdout                                                    bool
}

func newTokenIssueCommand(a *app) *cobra.Command {
	var i issue
	cmd := &cobra.Command{
		Use:   "issue TENANT --cluster CLUSTER --scope SCOPE,…",
		Short: "Sign a token for a tenant",
		Long: `Issue signs a token and writes it to a file that only you can read. It is shown nowhere, unless --stdout asks for it.
--for prints the configuration of an agent that uses it.

With --signer-command the private key stays in a KMS: the command gets on its standard input what is to be signed (for
Ed25519 the message, else its SHA-256) and prints the signature, raw or in base64.`,
		Example: `  opsgen token issue payments --cluster prod --scope metrics:write,logs:write --for prometheus
  opsgen token issue payments --cluster prod --scope metrics:read --expires 7d --stdout`,
		Args:              oneArgument("the name of a tenant"),
		ValidArgsFunction: a.completeTenant,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			i.tenant = arguments[0]
			return a.issue(cmd, i)
		},
	}
	a.clusterFlag(cmd, &i.cluster)
	flags := cmd.Flags()
	flags.StringSliceVar(&i.scopes, "scope", nil, "what the token may do: "+strings.Join(scopeNames(), ", "))
	flags.StringVar(&i.expires, "expires", usualExpiry.String(), "how long the token is valid")
	flags.StringVar(&i.agent, "for", "", "print the configuration of an agent: "+strings.Join(agents, ", "))
	flags.StringVar(&i.key, "key", "", "file with the private key (default: where keygen wrote it)")
	flags.StringVar(&i.keyID, "key-id", "", "the key to sign with (default: the newest one)")
	flags.StringVar(&i.command, "signer-command", "", "a command that signs, for a key in a KMS")
	flags.StringVar(&i.out, "out", "", "file for the token (default: TENANT-SCOPE.token)")
	flags.BoolVar(&i.stdout, "stdout", false, "print the token instead of writing a file")
	for flag, values := range map[string][]string{"scope": scopeNames(), "for": agents} {
		a.completes(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// issued is the result of token issue.
type issued struct {
	ID      string    `json:"id"`
	Key     string    `json:"key"`
	Tenant  string    `json:"tenant"`
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires"`
	File    string    `json:"file,omitempty"`
	Token   string    `json:"token,omitempty"`
	Snippet string    `json:"snippet,omitempty"`
}

// claims checks the flags, and says what the token is to say, but for whose it is.
func (i *issue) claims(now time.Time) (claims token.Claims, err error) {
	claims = token.Claims{Tenant: i.tenant, ID: newID(), IssuedAt: now, NotBefore: now}
	if claims.Expires, err = expiry(i.expires, now); err != nil {
		return claims, err
	}
	if claims.Scopes, err = scopes(i.scopes); err != nil {
		return claims, err
	}
	if i.agent != "" && !slices.Contains(agents, i.agent) {
		return claims, usage("--for is %q%s", i.agent, suggestion(i.agent, agents, "; write one of "))
	}
	if i.stdout && i.out != "" {
		return claims, usage("--stdout and --out cannot both be written: the token goes to one place")
	}
	return claims, nil
}

func (a *app) issue(cmd *cobra.Command, i issue) error {
	claims, err := i.claims(time.Now().UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	repo, folder, err := a.keysOf(i.cluster)
	if err != nil {
		return err
	}
	if err := checkTenant(repo, i.tenant, i.cluster); err != nil {
		return err
	}
	key, signer, err := a.signer(cmd, folder, i)
	if err != nil {
		return err
	}
	raw, err := sign(folder, key, signer, claims)
	if err != nil {
		return err
	}
	result := issued{ID: claims.ID, Key: key.ID, Tenant: i.tenant, Expires: claims.Expires, File: i.out}
	for _, scope := range claims.Scopes {
		result.Scopes = append(result.Scopes, string(scope))
	}
	if i.stdout {
		result.Token = raw
	} else if err := writeToken(&result, raw); err != nil {
		return err
	}
	if time.Duration(usualExpiry) < claims.Expires.Sub(claims.IssuedAt) {
		fmt.Fprintf(a.stderr, "note: the token is valid for %s; a leaked one is, too. %s is usual\n", i.expires, usualExpiry)
	}
	if i.agent != "" {
		result.Snippet = snippet(i.agent, repo.Clusters[0].Domain, claims.Scopes)
	}
	return a.printIssued(&result, string(key.Algorithm))
}

// sign makes the token, and asks whether the cluster will take it: what the proxy would refuse must not be handed out
// (a revoked key, tokens revoked by their time, a KMS that signed with another key).
func sign(folder *keys.Folder, key token.Key, signer crypto.Signer, claims token.Claims) (string, error) {
	verifier := folder.Verifier(nil)
	claims.Issuer, claims.Audience = verifier.Issuer, []string{verifier.Audience}
	raw, err := token.Sign(signer, key.ID, claims)
	if err != nil {
		return "", err
	}
	if _, err := verifier.Verify(raw); err != nil {
		return "", fmt.Errorf("cluster %s would refuse this token, so it is not handed out: %w", folder.Cluster, err)
	}
	return raw, nil
}

// expiry is when a token ends.
func expiry(text string, now time.Time) (time.Time, error) {
	length, err := quantity.ParseDuration(text)
	if err != nil {
		return time.Time{}, usage("--expires: %w", err)
	}
	if length < quantity.Duration(time.Minute) || time.Duration(length) > token.MaxLifetime {
		return time.Time{}, usage("--expires is %s; write a minute to ten years", text)
	}
	return now.Add(time.Duration(length)), nil
}

// newID is a new token's jti: 128 random bits.
func newID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	return hex.EncodeToString(id)
}

// signer finds the key to sign with, and what signs with it.
func (a *app) signer(cmd *cobra.Command, folder *keys.Folder, i issue) (token.Key, crypto.Signer, error) {
	key, err := signingKey(folder, i.keyID)
	if err != nil {
		return key, nil, err
	}
	if i.command != "" {
		return key, keys.NewCommandSigner(cmd.Context(), i.command, key.Public), nil
	}
	file := i.key
	if file == "" {
		if file, err = keys.PrivateFile(folder.Cluster, key.ID); err != nil {
			return key, nil, err
		}
	}
	signer, err := keys.ReadPrivate(file)
	if err != nil {
		return key, nil, err
	}
	if public, ok := key.Public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(signer.Public()) {
		return key, nil, usage("%s is not the private half of key %s; name the right one with --key or --key-id", file, key.ID)
	}
	return key, signer, nil
}

// signingKey is the key with the ID, the newest one that is not revoked when none is named.
func signingKey(folder *keys.Folder, kid string) (token.Key, error) {
	var usable []string
	for _, key := range folder.Set.Keys() {
		if !folder.Revoked(key.ID) {
			usable = append(usable, key.ID)
		}
	}
	if len(usable) == 0 {
		return token.Key{}, usage("cluster %s has no key; make one: opsgen token keygen --cluster %s", folder.Cluster, folder.Cluster)
	}
	if kid == "" {
		kid = usable[len(usable)-1]
	}
	key, there := folder.Set.Find(kid)
	if !there {
		return key, usage("%s has no key %q%s", folder.KeysFile(), kid, suggestion(kid, usable, "; keys are "))
	}
	return key, nil
}

func writeToken(result *issued, raw string) error {
	if result.File == "" {
		result.File = result.Tenant + "-" + strings.ReplaceAll(result.Scopes[0], ":", "-") + ".token"
	}
	return keys.WriteSecret(filepath.Clean(result.File), []byte(raw+"\n"))
}

func (a *app) printIssued(result *issued, algorithm string) error {
	if a.json() {
		return a.writeJSON(result)
	}
	fmt.Fprintf(a.stderr, "signed with key %s (%s), expires %s, id %s\n", result.Key, algorithm, day(result.Expires), result.ID)
	if result.Snippet != "" {
		fmt.Fprint(a.stdout, result.Snippet)
	}
	if result.Token != "" {
		fmt.Fprintln(a.stdout, result.Token)
		return nil
	}
	fmt.Fprintf(a.stderr, "The token itself was written to %s (0600). It is shown nowhere else.\n", result.File)
	return nil
}
