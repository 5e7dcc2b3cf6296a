package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/opsgen/opsgen/bootstrap/install"
	"github.com/opsgen/opsgen/generator/cluster"
)

// namedFlags are those that fill what cluster.yaml names.
func namedFlags(flags *pflag.FlagSet) {
	flags.StringSlice("verify-key", nil, "file with a public key that tags are signed with (.sshpub, .asc); for source.verifySecret")
	flags.String("login-client-secret-file", "", "file with the client's secret at the login provider; for login.clientSecret")
	flags.String("login-ca-file", "", "file with the authority of the login provider's certificate; for login.ca")
}

// named are the objects that cluster.yaml names, with what was given for them.
func (a *app) named(c *cluster.Cluster) ([]install.Named, error) {
	var list []install.Named
	if name := c.Source.VerifySecret; name != "" {
		keys, err := a.verifyKeys()
		if err != nil {
			return nil, err
		}
		list = append(list, install.Named{
			Option: "source.verifySecret", Namespace: "flux-system", Name: name, Data: keys,
			Hint: "Give the public keys of those who sign deployments: --verify-key ada.sshpub (SSH) or --verify-key ada.asc (PGP), once for each.",
		})
	}
	if c.Login == nil {
		return list, nil
	}
	if name := c.Login.ClientSecret; name != "" {
		secret, err := a.secretSetting("login-client-secret")
		if err != nil {
			return nil, usageError{err}
		}
		n := install.Named{
			Option: "login.clientSecret", Namespace: "proxy", Name: name, Optional: "nobody can log in",
			Hint: "Give the secret that the login provider shows for the client: OPSGEN_LOGIN_CLIENT_SECRET, or --login-client-secret-file.",
		}
		if secret != "" {
			n.Data = map[string][]byte{"client-secret": []byte(secret)}
		}
		list = append(list, n)
	}
	if name := c.Login.CA; name != "" {
		n := install.Named{
			Option: "login.ca", ConfigMap: true, Namespace: "proxy", Name: name, Optional: "nobody can log in",
			Hint: "Give the authority that signed the login provider's certificate: --login-ca-file ca.pem.",
		}
		if file := a.settings.GetString("login-ca-file"); file != "" {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, usage("read --login-ca-file: %w", err)
			}
			n.Data = map[string][]byte{"ca.crt": text}
		}
		list = append(list, n)
	}
	return list, nil
}

// verifyKeys are the keys that tags may be signed with, by file name, in the form that Flux' source-controller tells kinds
// by: ".sshpub" and ".asc" (Flux 2.9, docs/spec/v1/gitrepositories.md).
//
// Threat: a private key that is put into the cluster by mistake. Whoever reads the Secret could sign deployments.
func (a *app) verifyKeys() (map[string][]byte, error) {
	var keys map[string][]byte
	for _, file := range a.settings.GetStringSlice("verify-key") {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, usage("read --verify-key: %w", err)
		}
		name := filepath.Base(file)
		if extension := filepath.Ext(name); extension == ".pub" {
			name = strings.TrimSuffix(name, extension) + ".sshpub"
		}
		switch {
		case strings.Contains(string(text), "PRIVATE KEY"):
			return nil, usage("--verify-key %s holds a private key: give the public one", file)
		case !slices.Contains([]string{".sshpub", ".asc"}, filepath.Ext(name)):
			return nil, usage("--verify-key %s: end its name in .sshpub for a key of SSH, or in .asc for one of PGP", file)
		}
		if keys == nil {
			keys = map[string][]byte{}
		}
		keys[name] = text
	}
	return keys, nil
}
