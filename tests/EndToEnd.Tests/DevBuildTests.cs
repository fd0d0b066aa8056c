using System.Diagnostics;
using TestCluster;

namespace EndToEnd.Tests;

/// <summary>
/// <c>./dev build</c> and <c>./dev admin</c> in a checkout that has only these scripts, made-up programs, and a made-up dotnet, which prints the
/// program that it is to run.
/// </summary>
public sealed class DevBuildTests : IDisposable
{
    private readonly string _checkout = TemporaryFolder.NewPath("checkout");

    public DevBuildTests()
    {
        Copy("dev", "dev");
        foreach (var script in Directory.GetFiles(Path.Combine(Checkout.Root, "scripts", "dev")))
            Copy(Path.GetRelativePath(Checkout.Root, script), Path.GetRelativePath(Checkout.Root, script));
        Copy("dev", "programs/dotnet"); // which may be run, and stays so
        Write("programs/dotnet", "#!/bin/sh\ncase $1 in *.dll) cat \"$1\" ;; esac\n");
        Write(".dev/config", "MODE=processes\nSHARD_COUNT=1\nHA=\nCLUSTER=default\n");
        foreach (var program in (string[])["src/ShardRouter/*/ShardRouter", "src/ShardAdmin/*/shardadmin", "samples/SampleLoader/*/SampleLoader"])
            Publish(program, "the first build");
    }

    [Fact]
    public async Task Admin_runs_what_the_last_build_made_while_the_cluster_keeps_its_programs()
    {
        Directory.CreateDirectory(Path.Combine(_checkout, ".dev", "bin"));
        await RunAsync("build");
        Assert.Equal("the first build", await RunAsync("admin", "status"));

        Publish("src/ShardAdmin/*/shardadmin", "the second build");
        await RunAsync("build");

        Assert.Equal("the second build", await RunAsync("admin", "status"));
        Assert.False(Path.Exists(Path.Combine(_checkout, ".dev", "bin", "ShardRouter")), "The routers' program is staged by up alone.");
    }

    public void Dispose() => Directory.Delete(_checkout, recursive: true);

    private void Publish(string program, string content) =>
        Write(program.Replace("*", "bin/ahead/Release/net10.0/linux-x64/publish", StringComparison.Ordinal) + ".dll", content);

    private void Write(string path, string content)
    {
        var whole = Path.Combine(_checkout, path);
        Directory.CreateDirectory(Path.GetDirectoryName(whole)!);
        File.WriteAllText(whole, content);
    }

    private void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_checkout, to))!);
        File.Copy(Path.Combine(Checkout.Root, from), Path.Combine(_checkout, to));
    }

    private async Task<string> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(_checkout, "dev"), arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = Path.Combine(_checkout, "programs") + ":" + start.Environment["PATH"];
        start.Environment.Remove("DEV_HOME");
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await output + await errors);
        return await output;
    }
}
