"""
What runs the Python functions of one agent in a process of its own. It needs Python 3.9 or newer and its standard library, nothing else.

The server that starts it writes JSON lines to file descriptor 3; it answers on descriptor 4 with lines `<kind> <id> <JSON in ASCII>`. What the
messages mean is written in worker-messages.ts. Standard output and error are the agent's own: they are its log, and never part of this.

    main thread      loads the agent, then runs the one asyncio event loop, which all coroutines and async generators share
    reader thread    obeys the commands; at the end of descriptor 3 the server is gone, and this process ends
    writer thread    writes in one go whatever messages there are
    one thread       for each invocation of a plain function or generator, for as long as it runs
    one thread       for each cancelled invocation, until it has stopped: it tells the ones that do not

In the order of an agent's life:

    process          the commands, the messages, and the end
    descriptors      where they come from and go to
    loading          imports the agent's files and finds its functions
    bytecode         what is not to be remembered of those files
    entrypoint       a function, and what is known of it before a call: annotations, schemas
    invocation       a call: arguments, what the function returned, and conversion of it to JSON
    context, waits   what an entrypoint tells and asks in a call, and what it waits for
    threads          how a cancelled one is stopped
    own_loops        event loops that plain functions ask for
    errors, log      what goes wrong, and who is told

All of it is imported before the agent, whose modules may have any name, also those of the standard library: nothing here may be imported later.
"""
