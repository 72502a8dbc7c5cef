"""`python -m bongsu.monitoring.dashboards` writes the JSON that Grafana provisions."""

from bongsu.monitoring.dashboards.boards import DIRECTORY, rendered


def main() -> None:
    for name, text in rendered().items():
        file = DIRECTORY / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written anew: {file}")


if __name__ == "__main__":
    main()
