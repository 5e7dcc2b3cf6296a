// Package fluxprocess runs Flux's controllers as plain processes of the machine, for clusters whose nodes run nothing. Who
// they are, what they may do and what they are told is what the rendered Deployments say; only addresses and folders
// differ. It owns those processes and the way by which they reach Git.
package fluxprocess
