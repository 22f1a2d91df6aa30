"""The script that Streamlit runs for each visitor and each change.

A decoding process runs the main script, too, under another name, before it decodes: there nothing is to happen.
"""

if __name__ == "__main__":
    from service.dashboard import page

    page.show()
