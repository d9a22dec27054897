"""Faults across hosts: a broker of three nodes, each in a network namespace, killed and cut apart under load."""
