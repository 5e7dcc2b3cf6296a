// Command program stands for one of ours.
package main

func main() { println("here") }
