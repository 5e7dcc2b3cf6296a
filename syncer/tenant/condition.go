package tenant

import (
	"fmt"
	"strings"
	"time"

	"github.com/opsgen/opsgen/syncer/tenantsource"
)

// The types of conditions.
const (
	alertmanagerType = "Alertmanager"
	metricsType      = "MetricsRules"
	logsType         = "LogsRules"
)

// The reasons of conditions and events, beside those of tenantsource.
const (
	reasonSynced      = "Synced"      // what is in Git is in force
	reasonDefault     = "Default"     // no configuration in Git; alerts are shown and nobody is told
	reasonForeign     = "Foreign"     // a person's configuration, left alone
	reasonRefused     = "Refused"     // Cortex or Loki do not take it
	reasonUnavailable = "Unavailable" // they or the proxy do not answer; what they hold stays
	reasonUnreadable  = "Unreadable"  // the namespace cannot be read; nothing is changed
	reasonLeft        = "NotInGit"    // the tenant left Git, and what was written for it is removed
	reasonReverted    = "Reverted"    // somebody changed it behind Git's back
)

// Condition says about one of three things whether what is in Git is in force.
type Condition struct {
	// Type is Alertmanager, MetricsRules or LogsRules.
	Type string `json:"type"`
	// Status is True, or False where something is not as in Git.
	Status string `json:"status"`
	// Reason is one word for programs.
	Reason string `json:"reason"`
	// Message is for people.
	Message string `json:"message"`
	// Since is when Status became what it is.
	Since time.Time `json:"since"`
}

func holds(kind, reason, message string, args ...any) Condition {
	return Condition{Type: kind, Status: "True", Reason: reason, Message: fmt.Sprintf(message, args...)}
}

func fails(kind, reason, message string) Condition {
	return Condition{Type: kind, Status: "False", Reason: reason, Message: message}
}

// broken is a condition of problems: the first ones in words, and how many more there are.
func broken(kind string, problems []tenantsource.Problem) Condition {
	const most = 5
	var lines []string
	for i, p := range problems {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d more", len(problems)-most))
			break
		}
		lines = append(lines, p.Object.String()+": "+p.Message)
	}
	return fails(kind, problems[0].Reason, strings.Join(lines, "; "))
}

// summary is the line that a person reads first.
func summary(conditions []Condition) string {
	for _, c := range conditions {
		if c.Status != "True" {
			return "not as in Git: " + c.Type + ": " + c.Message
		}
	}
	return "as in Git"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
