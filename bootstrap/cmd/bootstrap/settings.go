package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"

	"github.com/opsgen/opsgen/generator/cluster"
)

// formats are those of results.
func formats() []string { return []string{"text", "json"} }

// checkSettings refuses values that no command could use, wherever they come from. What flags take, cobra has checked.
func (a *app) checkSettings() error {
	var err error
	a.flags.VisitAll(func(flag *pflag.Flag) {
		if err == nil {
			err = a.checkVariable(flag)
		}
	})
	if err != nil {
		return err
	}
	if format := a.settings.GetString("output"); !slices.Contains(formats(), format) {
		return usage("--output is %q; write text or json", format)
	}
	if folder := a.settings.GetString("root"); folder != "." {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return usage("--root is %q, which is no folder; write one inside the repository", folder)
		}
	}
	if flag := a.flags.Lookup("timeout"); flag != nil {
		given := a.settings.GetDuration("timeout")
		if given < 0 || given == 0 && flag.DefValue != "0s" || given == 0 && flag.Changed {
			return usage("--timeout is %s; write a time such as 45m or 2h", given)
		}
	}
	return nil
}

// checkVariable refuses a variable of the environment that its flag would not take: viper would take it for nothing.
func (a *app) checkVariable(flag *pflag.Flag) error {
	name := "OPSGEN_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
	value := os.Getenv(name)
	if value == "" || flag.Changed {
		return nil
	}
	switch flag.Value.Type() {
	case "bool":
		if _, err := strconv.ParseBool(value); err != nil {
			return usage("%s is %q; write true or false", name, value)
		}
	case "duration":
		if _, err := time.ParseDuration(value); err != nil {
			return usage("%s is %q; write a time such as 45m or 2h", name, value)
		}
	}
	return nil
}

// until is the last phase that the command is to do; empty for all, and for commands that know no phases.
func (a *app) until() string {
	if a.flags.Lookup("until") == nil {
		return ""
	}
	return a.settings.GetString("until")
}

// checkUntil wants a phase of the graph.
func (s *session) checkUntil() error {
	if until := s.until(); until != "" && !slices.Contains(s.graph.Phases(), until) {
		return usage("--until is %q; phases of this cluster are %s", until, strings.Join(s.graph.Phases(), ", "))
	}
	return nil
}

// checkTenant wants a tenant of the cluster for --first-token.
func (s *session) checkTenant() error {
	tenant := s.settings.GetString("first-token")
	if s.flags.Lookup("first-token") == nil || tenant == "" || s.tenants[tenant] {
		return nil
	}
	if len(s.tenants) == 0 {
		return usage("--first-token is %q; no tenant lives on this cluster (clusters in tenants/NAME/tenant.yaml)", tenant)
	}
	return usage("--first-token is %q; tenants of this cluster are %s", tenant, strings.Join(sortedNames(s.tenants), ", "))
}

func sortedNames(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// checkUnused refuses flags that would do nothing on this cluster: whoever wrote them meant something. Variables of the
// environment may be there for another cluster.
func (a *app) checkUnused(c *cluster.Cluster) error {
	ssh, https := strings.HasPrefix(c.Source.URL, "ssh://"), strings.HasPrefix(c.Source.URL, "https://")
	login := c.Login
	if login == nil {
		login = &cluster.Login{}
	}
	for _, rule := range []struct {
		flag string
		used bool
		why  string
	}{
		{"kubeconfig", c.Provider.Name == cluster.Existing, "is for provider existing, and the cluster's is " + c.Provider.Name},
		{"context", c.Provider.Name == cluster.Existing, "is for provider existing, and the cluster's is " + c.Provider.Name},
		{"git-token-file", c.Source.Secret != "" && https, "is for a repository at https:// with a Secret (source.url and source.secret in cluster.yaml)"},
		{"git-key-file", c.Source.Secret != "" && ssh, "is for a repository at ssh:// with a Secret (source.url and source.secret in cluster.yaml)"},
		{"git-known-hosts", c.Source.Secret != "" && ssh, "is for a repository at ssh:// with a Secret (source.url and source.secret in cluster.yaml)"},
		{"verify-key", c.Source.VerifySecret != "", "fills source.verifySecret, which cluster.yaml does not name"},
		{"login-client-secret-file", login.ClientSecret != "", "fills login.clientSecret, which cluster.yaml does not name"},
		{"login-ca-file", login.CA != "", "fills login.ca, which cluster.yaml does not name"},
	} {
		if flag := a.flags.Lookup(rule.flag); flag != nil && flag.Changed && !rule.used {
			return usage("--%s %s", rule.flag, rule.why)
		}
	}
	return nil
}

// checkKey reads a private key as Flux will.
func checkKey(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if _, err := ssh.ParsePrivateKey(text); err != nil {
		return usage("read --git-key-file: %w; it must be a private key without a password", err)
	}
	return nil
}

// checkHosts reads a known_hosts file: one that names no host would be found out by Flux only.
func checkHosts(text []byte, given bool) error {
	if !given {
		return nil
	}
	if _, _, _, _, _, err := ssh.ParseKnownHosts(text); err != nil {
		return usage("read --git-known-hosts: %w; it must name a host and its key, as `ssh-keyscan HOST` prints them", err)
	}
	return nil
}
