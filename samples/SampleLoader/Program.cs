using SampleLoader;

if (!LoaderOptions.TryParse(args, out LoaderOptions? options, out string message))
{
    bool asked = args is ["--help"] or ["-h"];
    (asked ? Console.Out : Console.Error).WriteLine(message);
    return asked ? 0 : 2;
}

using var cancel = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    cancel.Cancel();
};

try
{
    await Loading.RunAsync(options, cancel.Token);
    return 0;
}
catch (LoadFailedException failure)
{
    Console.Error.WriteLine($"SampleLoader: {failure.Message}");
    return 1;
}
catch (OperationCanceledException) when (cancel.IsCancellationRequested)
{
    Console.Error.WriteLine("SampleLoader: interrupted. What was loaded stays; run it again to load the rest.");
    return 130;
}
