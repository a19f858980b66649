"""What command line, API and console ask of a runtime, the runtimes that answer, and the front: `opord.Engine`."""
