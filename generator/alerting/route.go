package alerting

import "time"

// Receiver is who would be called, and how soon.
type Receiver struct {
	// Name is the receiver's name in the configuration.
	Name string `json:"name"`
	// Integrations are the kinds of notification that it has ("slack", "pagerduty"); none: nobody is called.
	Integrations []string `json:"integrations"`
	// Path are the matchers of each route on the way from the root ("{}") to the route that took the alert.
	Path []string `json:"path"`
	// GroupBy are the labels by which alerts are put into one notification; "..." stands for all of them.
	GroupBy        []string      `json:"groupBy"`
	GroupWait      time.Duration `json:"groupWait"`
	GroupInterval  time.Duration `json:"groupInterval"`
	RepeatInterval time.Duration `json:"repeatInterval"`
	// Muted and Active are names of time intervals in which the route is silent, or outside which it is.
	Muted  []string `json:"muted,omitempty"`
	Active []string `json:"active,omitempty"`
	// Default says that only the root route took the alert.
	Default bool `json:"default"`
}

// Route answers who would be called for an alert with these labels: one receiver a matched route, in the order of the
// file. There is always one, since the root takes what no other route does.
func Route(_ *Config, _ map[string]string) []Receiver { return nil }
